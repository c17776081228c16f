using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>A GGUF file that is no whole model, or one that is not supported, is refused by its key or tensor.</summary>
public sealed class GgufRefusalTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    private string Export()
    {
        using PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Yarn);
        GgufExport.Write(pretrained, _temp["whole.gguf"], "tiny", GgufType.F32, null, [], null);
        return _temp["whole.gguf"];
    }

    private string Changed(string path, IReadOnlyList<(string Key, object? Value)> changes, string[]? further = null) =>
        ChangedGguf.Write(path, _temp["changed.gguf"], changes, further ?? []);

    public static TheoryData<string, object?, string> Keys => new()
    {
        { "general.architecture", "mamba", "general.architecture: mamba is not supported; supported: llama, qwen2" },
        { "general.architecture", null, "key general.architecture: missing" },
        { "general.type", "adapter", "is \"adapter\", expected \"model\"" },
        { "llama.embedding_length", null, "key llama.embedding_length: missing" },
        { "llama.embedding_length", "64", "is \"64\", expected a whole number" },
        { "llama.embedding_length", 0u, "is 0, expected 1 to" },
        { "llama.block_count", 3u, "tensor blk.2.attn_q.weight: missing, expected [64, 64]" },
        { "llama.block_count", 1u, "tensor blk.1.attn_q.weight: unexpected, found F32 [64, 64]" },
        { "llama.block_count", 1u << 30, "expected 1 to 8192" },
        { "llama.feed_forward_length", 95u, "tensor blk.0.ffn_gate.weight: expected [95, 64], found [96, 64]" },
        { "llama.attention.head_count", 5u, "5 does not divide llama.embedding_length 64" },
        { "llama.attention.head_count_kv", new[] { 4, 2 }, "differs from layer to layer" },
        { "llama.attention.value_length", 8u, "is 8, expected that of keys" },
        { "llama.attention.layer_norm_rms_epsilon", null, "layer_norm_rms_epsilon: missing" },
        { "llama.attention.layer_norm_rms_epsilon", float.NaN, "expected a number" },
        { "llama.attention.causal", false, "is false: only causal models are supported" },
        { "llama.expert_count", 8u, "8 experts: mixtures of experts are not supported" },
        { "llama.rope.dimension_count", 8u, "is 8, expected the head's size, 16" },
        { "llama.rope.scaling.type", "dynamic", "dynamic is none of llama.cpp's" },
        { "llama.rope.scaling.factor", -2f, "is -2, expected 1 or more" },
        { "llama.rope.scaling.yarn_attn_factor", 1.5f, "is 1.5, and llama.cpp scales by" },
        { "llama.rope.scaling.yarn_ext_factor", 1f, "unknown, and it may change the frequencies" },
        { "split.count", (ushort)3, "this is file 1 of 3, and only whole models are read. Join them" },
    };

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_key_at_fault_is_named(string key, object? value, string reason)
    {
        (string, object?)[] changes = key == "split.count" ? [(key, value), ("split.no", (ushort)0)]
            : key.EndsWith("value_length", StringComparison.Ordinal) ? [(key, value), ("llama.attention.key_length", 16u)] : [(key, value)];
        string path = Changed(Export(), changes);
        SkipwiseException refused = Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(path)).Dispose());
        Assert.StartsWith(path, refused.Message);
        Assert.Contains(reason, refused.Message);
        Assert.NotEmpty(InspectModel.Tensors(path)); // listed it is
    }

    [Fact]
    public void A_tensor_at_fault_is_named()
    {
        string whole = Export();
        string path = Changed(whole, [], ["blk.0.attn_sinks.weight"]);
        Assert.Contains("tensor blk.0.attn_sinks.weight: unexpected, found F32 [8]",
            Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(path)).Dispose()).Message);
        Assert.Contains("factors per dimension pair besides",
            Assert.Throws<SkipwiseException>(() => HfConfig.ForModel(Changed(whole, [], ["rope_freqs.weight"]))).Message);
        Assert.Contains("tensor rope_factors_short.weight: missing", Assert.Throws<SkipwiseException>(() => HfConfig.ForModel(
            Changed(whole, [("llama.rope.scaling.type", "longrope")], ["rope_factors_long.weight"]))).Message);

        byte[] bytes = File.ReadAllBytes(whole);
        bytes[bytes.AsSpan().IndexOf("blk.0.ffn_up.weight"u8) + "blk.0.ffn_up.weight".Length + 4 + 16] = 26; // I32 instead of F32
        File.WriteAllBytes(_temp["typed.gguf"], bytes);
        Assert.Contains("tensor blk.0.ffn_up.weight: has the type I32; F32, F16",
            Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(_temp["typed.gguf"])).Dispose()).Message);
    }

    public static TheoryData<string, object?, string> TokenizerKeys => new()
    {
        { "model", "none", "the file has no tokenizer. Load the Hugging Face folder" },
        { "model", null, "the file has no tokenizer" },
        { "model", "t5", "\"t5\" is not supported; supported: gpt2" },
        { "pre", "tekken", "the pre-tokenizer \"tekken\" is not known; known: gpt-2" },
        { "pre", null, "missing, so the pre-tokenizer is not known" },
        { "bos_token_id", 1u << 20, "is 1048576, and there are" },
        { "tokens", new[] { 1, 2 }, "expected a list of String" },
        { "token_type", new[] { 1 }, "has 1 items, expected one for each of" },
        { "merges", null, "tokenizer.ggml.merges: missing" },
        { "merges", new[] { "a" }, "\"a\" is not a pair of pieces" },
        { "add_eos_token", true, "puts an end token behind a text" },
        { "add_space_prefix", true, "for SentencePiece alone" },
        { "add_bos_token", 1u, "is 1, expected true or false" },
    };

    [Theory]
    [MemberData(nameof(TokenizerKeys))]
    public void A_tokenizer_that_is_not_known_is_refused_by_name(string key, object? value, string reason)
    {
        _temp.Write("t/tokenizer.json", TinyBpe.ByteLevel().ByteLevelJson([]));
        TokenizerModel tokenizer = TokenizerLoader.Load(_temp["t"]).ToModel()!;
        using (CausalLM model = TinyModel.Create(vocabulary: tokenizer.Pieces.Count))
        using (PretrainedModel pretrained = PretrainedModel.Create(model))
        {
            GgufExport.Write(pretrained, _temp["t.gguf"], "tiny", GgufType.F32, tokenizer, [], null);
        }
        Assert.NotEmpty(TokenizerLoader.Load(_temp["t.gguf"]).Encode("the mill"));
        string path = Changed(_temp["t.gguf"], [("tokenizer.ggml." + key, value)]);
        SkipwiseException refused = Assert.Throws<SkipwiseException>(() => TokenizerLoader.Load(path));
        Assert.StartsWith(path, refused.Message);
        Assert.Contains(reason, refused.Message);
        PretrainedModel.Load(new ModelSource(path, InferenceOnly: true)).Dispose(); // without it the model can be computed
    }
}
