using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Tests.Checkpoints.HuggingFace;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>
/// llama.cpp runs an adapter's file on the base model's: its log-probabilities are those of the merged model, within the original window
/// and beyond it.
/// </summary>
public sealed class GgufLoraTests(ITestOutputHelper output) : IDisposable
{
    private const int Target = ExtendedModel.Target, Tokens = 250, Vocabulary = 96;
    private const double Exact = 5e-4; // as for whole models
    private const string Untied = "'tie_word_embeddings': false";

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData("llama", RopeType.Yarn), InlineData("llama", RopeType.Linear, "'num_key_value_heads': 2")]
    [InlineData("llama", RopeType.Llama3, "'head_dim': 24, 'attention_bias': true"), InlineData("mistral", RopeType.Ntk)]
    [InlineData("qwen2", RopeType.Yarn), InlineData("qwen2", RopeType.YarnRevised, "'num_key_value_heads': 2")]
    [InlineData("qwen2", RopeType.Ntk, "'tie_word_embeddings': true"), InlineData("qwen2", RopeType.Default)]
    [InlineData("qwen3", RopeType.Yarn, "'head_dim': 32, 'num_key_value_heads': 1"), InlineData("qwen3", RopeType.Linear)]
    [InlineData("phi3", RopeType.LongRope, "'num_key_value_heads': 2"), InlineData("phi3", RopeType.Yarn)]
    [InlineData("gemma", RopeType.Yarn), InlineData("gpt_neox", RopeType.Linear), InlineData("gpt_neox", RopeType.Ntk)]
    [InlineData("baichuan", RopeType.Yarn), InlineData("baichuan", RopeType.YarnRevised)]
    public void A_base_model_with_the_file_computes_what_the_merged_model_computes(string family, RopeType rope, string keys = "")
    {
        var model = AdaptedModel.Create(_temp, family, rope, keys);
        Compare(model, $"{family} {rope} {keys}", family is "gemma" or "gpt_neox" ? null : Exact);
    }

    /// <summary>The embedding's factors are looked up, not multiplied.</summary>
    [Fact]
    public void An_embedding_and_a_head_of_their_own_may_be_adapted()
    {
        var model = AdaptedModel.Create(_temp, "llama", RopeType.Yarn, Untied,
            new LoraConfig { Rank = 3, Alpha = 6, AlphaPattern = new Dictionary<string, double> { ["embed_tokens"] = 9 } },
            with: ["model.embed_tokens", "lm_head"]);
        Compare(model, "embedding and head", Exact);
        using GgufFile file = GgufFile.Open(model.Options.Out);
        Assert.Equal([Vocabulary, 3], file.Tensors["token_embd.weight.lora_a"].Shape);
        Assert.Equal([64, 3], file.Tensors["token_embd.weight.lora_b"].Shape);
        Assert.Equal([Vocabulary, 3], file.Tensors["output.weight.lora_b"].Shape);
    }

    public static TheoryData<bool, double, string, string, double> Scales => new()
    {
        { false, 6, "", "", 6 },
        { true, 6, "", "", 6 * 1.7320508075688772 },
        { false, 6, "{\"down_proj\": 8}", "", 6 },
        { false, 6, "", "{\"q_proj\": 2, \"down_proj\": 5}", 6 },
        { true, 6, "{\"down_proj\": 8}", "{\"layers\\\\.1\\\\.mlp\\\\..*\": 3}", 6 * 1.7320508075688772 },
        { false, 0, "", "{\"[oq]_proj|down_proj\": 7}", 7 }, // alpha 0 means a scale of 1 to llama.cpp
    };

    /// <summary>A file has one alpha; where a module's scale is another one, B is multiplied.</summary>
    [Theory]
    [MemberData(nameof(Scales))]
    public void Every_scale_that_PEFT_has_is_expressed(bool rankStabilized, double alpha, string ranks, string alphas, double inFile)
    {
        static Dictionary<string, double> Pattern(string json) =>
            json == "" ? [] : System.Text.Json.JsonSerializer.Deserialize<Dictionary<string, double>>(json)!;
        var model = AdaptedModel.Create(_temp, "llama", RopeType.Yarn, "'num_key_value_heads': 2", new LoraConfig
        {
            Rank = 3,
            Alpha = alpha,
            RankStabilized = rankStabilized,
            RankPattern = Pattern(ranks),
            AlphaPattern = Pattern(alphas),
        });
        Compare(model, $"rslora {rankStabilized} {ranks} {alphas}", Exact);
        using GgufFile file = GgufFile.Open(model.Options.Out);
        Assert.Equal((float)inFile, file.Values.Values["adapter.lora.alpha"]);
        using LoraAdapter adapter = LoraAdapter.Read(model.Adapter);
        LoraWeight value = adapter.Weights.First(weight => weight.Target.EndsWith("0.self_attn.v_proj.weight", StringComparison.Ordinal));
        using Tensor stored = file.Read(file.Tensors["blk.0.attn_v.weight.lora_b"]);
        Assert.Equal(alpha == 0 ? 0 : 1, stored.Equals(value.B) ? 1 : stored.abs().max().ToDouble()); // most B are as they were
    }

    /// <summary>llama.cpp multiplies float16 with inputs rounded to float16, and bfloat16 with inputs of 8 bits.</summary>
    [Theory]
    [InlineData(ScalarType.Float16, ExportDtype.Float16, "F16", 2e-2), InlineData(ScalarType.BFloat16, ExportDtype.BFloat16, "BF16", 0.5)]
    public void The_type_is_the_adapters_or_the_one_that_is_asked_for(ScalarType type, ExportDtype dtype, string name, double largest)
    {
        var model = AdaptedModel.Create(_temp, "llama", RopeType.Yarn, type: type);
        ExportedModel exported = Compare(model, name, largest);
        Assert.Equal(("llama", dtype, 28), (exported.Architecture, exported.Dtype, exported.Tensors));
        Assert.Equal(new FileInfo(model.Options.Out).Length, exported.Bytes);
        using LoraAdapter adapter = LoraAdapter.Read(model.Adapter);
        foreach (ExportDtype other in (ExportDtype[])[dtype, ExportDtype.Float32])
        {
            ExportModel.Run(model.Options with { Dtype = other });
            using GgufFile file = GgufFile.Open(model.Options.Out);
            Assert.Equal([other == dtype ? name : "F32"], file.Tensors.Values.Select(tensor => tensor.Type.Name).Distinct());
            LoraWeight down = adapter.Weights.First(weight => weight.Target.EndsWith("0.mlp.down_proj.weight", StringComparison.Ordinal));
            Assert.True(Read(file, "blk.0.ffn_down.weight.lora_a").Equals(down.A.to(ScalarType.Float32)));
            Assert.True(Read(file, "blk.0.ffn_down.weight.lora_b").Equals(down.B.to(ScalarType.Float32)));
        }
    }

    private static Tensor Read(GgufFile file, string name) => file.Read(file.Tensors[name]).to(ScalarType.Float32);

    /// <summary>What the export says of the base model's file is right for every pair, and said wherever options express it.</summary>
    /// <remarks>longrope's lists are in no option.</remarks>
    [Theory]
    [MemberData(nameof(GgufExportTests.Pairs), MemberType = typeof(GgufExportTests))]
    public void The_base_models_file_gets_the_adapters_scaling(string family, RopeType rope)
    {
        var model = AdaptedModel.Create(_temp, family, rope);
        DecoderConfig adapted = PretrainedModel.Architecture(new ModelSource(model.Base, Adapter: model.Adapter));
        if (GgufArchitecture.Refusal(family, adapted) is { } reason)
        {
            Refused(model, reason);
            return;
        }
        ExportedModel exported = ExportModel.Run(model.Options);
        Assert.Equal(Target, exported.Base!.Window + (rope == RopeType.Default ? Target - ExtendedModel.Original : 0));
        Assert.Equal(rope == RopeType.LongRope, exported.Base.Rope is null);
        Assert.Equal(rope == RopeType.Ntk || (rope is RopeType.Linear or RopeType.Yarn && family != "phi3"), // Phi 3 saves them as lists
            exported.Base.LlamaCppArguments is not null);
        using PretrainedModel required = model.RequiredBase(exported.Base);
        using GgufFile file = GgufFile.Open(model.Gguf(required, "base.gguf"));
        Assert.Equal(exported.Architecture, file.Values.Values["general.architecture"]);
        Assert.Empty(GgufRopeCheck.Compare(file, family, adapted).Differences);
    }

    [Fact]
    public void Arguments_are_given_only_where_llama_cpp_computes_the_same_by_them()
    {
        DecoderConfig plain = TinyConfig.Of("llama").Model;
        DecoderConfig yarn = ContextExtension.Extend(plain, 1024, new RopeOverrides { Type = RopeType.Yarn });
        Assert.Equal("-c 1024 --rope-scaling yarn --rope-scale 4 --yarn-orig-ctx 256 --override-kv llama.context_length=int:1024",
            GgufBaseRope.Arguments("llama", plain, yarn));
        Assert.Equal("-c 1024 --rope-scaling yarn --rope-scale 4 --yarn-orig-ctx 256 --rope-freq-base 500000 " +
            "--override-kv llama.context_length=int:1024",
            GgufBaseRope.Arguments("llama", plain, yarn with { Rope = yarn.Rope with { Theta = 500000 } }));
        DecoderConfig own = yarn with { Rope = yarn.Rope with { AttentionFactor = 1 } };
        Assert.Null(GgufBaseRope.Arguments("llama", plain, own)); // llama.cpp derives the scale
        Assert.Null(GgufBaseRope.Options("llama", plain, own)); // and so do the options
        Assert.Null(GgufBaseRope.Arguments("llama", own, yarn)); // on top of the file's own
        Assert.Null(GgufBaseRope.Arguments("llama", plain, plain));
        Assert.Equal(new RopeOverrides(), GgufBaseRope.Options("llama", plain, plain));
        Assert.Equal(new RopeOverrides { Type = RopeType.Yarn, Factor = 4, OriginalLength = 256 },
            GgufBaseRope.Options("llama", plain, yarn));
    }

    [Fact]
    public void The_base_models_weights_are_not_read_and_its_file_is_refused_as_a_model()
    {
        var model = AdaptedModel.Create(_temp, "llama", RopeType.Yarn);
        File.Delete(Path.Combine(model.Base, "model.safetensors"));
        ExportModel.Run(model.Options);
        Assert.Contains("general.type: is \"adapter\", expected \"model\"",
            Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(model.Options.Out))).Message);
    }

    [Theory]
    [InlineData("lm_head.modules_to_save.weight", "lm_head.weight")]
    [InlineData("model.layers.0.input_layernorm.weight", "input_layernorm.weight")]
    [InlineData("model.layers.1.self_attn.q_proj.base_layer.weight", "q_proj.weight"),
        InlineData("model.layers.1.self_attn.q_proj.bias", "q_proj.bias")]
    public void What_is_more_than_factors_is_refused_with_the_remedy(string name, string told)
    {
        var model = AdaptedModel.Create(_temp, "llama", RopeType.Yarn);
        string weights = Path.Combine(model.Adapter, "adapter_model.safetensors");
        (string, Tensor, ScalarType)[] tensors;
        using (SafetensorsFile file = SafetensorsFile.Open(weights))
        {
            tensors =
            [
                .. file.Tensors.Values.Select(entry => (entry.Name, file.Read(entry), ScalarType.Float32)),
                (LoraName.Prefix + name, ones(8), ScalarType.Float32),
            ];
        }
        SafetensorsWriter.Write(weights, tensors);
        Refused(model, $"{told}), and a GGUF adapter cannot. Export the whole model with the adapter merged into it: " +
            "ExportModelOptions.Format gguf");
    }

    [Fact]
    public void What_llama_cpp_does_not_compute_is_refused_and_nothing_is_written()
    {
        Refused(AdaptedModel.Create(_temp, "llama", RopeType.Yarn, "'tie_word_embeddings': true", with: ["model.embed_tokens"]),
            "one matrix in this model, and llama.cpp has no adapter of it. Export the whole model");
        Refused(AdaptedModel.Create(_temp, "baichuan", RopeType.Yarn, Untied, with: ["lm_head"]), "whose rows are normalized");
        Refused(AdaptedModel.Create(_temp, "qwen3", RopeType.YarnRevised), "reads no factors per dimension pair");
        Refused(AdaptedModel.Create(_temp, "gptj", RopeType.Yarn), "no implementation of the family gptj");
    }

    [Fact]
    public void Wishes_that_do_not_fit_are_refused()
    {
        var model = AdaptedModel.Create(_temp, "llama", RopeType.Yarn);
        Refused(model, "gguf-lora exports an adapter alone", options => options with { Adapter = null });
        Refused(model, "q8_0: its blocks are 32 numbers of a row", options => options with { Dtype = ExportDtype.Q80 });
        _temp.Write("adapter/adapter_config.json", """{"peft_type": "LORA", "r": 3, "lora_alpha": 6, "use_dora": true}""");
        Refused(model, "use_dora: true is not supported");
        _temp.Write("adapter/adapter_config.json", """{"peft_type": "LORA", "r": 3, "lora_alpha": 6}""");
        using PretrainedModel other = ExtendedModel.Create("llama", RopeType.Default, "'num_key_value_heads': 2");
        other.Save(model.Base);
        Refused(model, "k_proj.weight: the adapter is for a weight [64, 64], the model's is [32, 64]");
        SafetensorsWriter.Write(Path.Combine(model.Adapter, "adapter_model.safetensors"), Array.Empty<OutputTensor>());
        Refused(model, "holds no LoRA weights");
    }

    private static void Refused(AdaptedModel model, string reason, Func<ExportModelOptions, ExportModelOptions>? change = null)
    {
        ExportModelOptions options = change is null ? model.Options : change(model.Options);
        Assert.Contains(reason, Assert.Throws<SkipwiseException>(() => ExportModel.Run(options)).Message);
        Assert.False(File.Exists(options.Out));
    }

    /// <param name="tolerance">null: that of the merged model's file, for llama.cpp's GELU is approximate</param>
    private ExportedModel Compare(AdaptedModel model, string name, double? tolerance)
    {
        LlamaCpp.RequireNatives();
        ExportedModel exported = ExportModel.Run(model.Options);
        int[] ids = TinyModel.Tokens(seed: 3, Tokens, Vocabulary);
        using PretrainedModel merged = model.Merged(), required = model.RequiredBase(exported.Base!);
        string file = model.Gguf(required, "base.gguf");
        using (var alone = new LlamaCpp(file, Target))
        {
            Assert.True(ExtendedModel.Differences(merged.Model, alone, ids).Max() > 1); // the adapter does something
        }
        if (tolerance is null)
        {
            using var whole = new LlamaCpp(model.Gguf(merged, "whole.gguf"), Target);
            tolerance = 1.2 * ExtendedModel.Differences(merged.Model, whole, ids).Max();
            Assert.InRange(tolerance.Value, 0, 1.5e-2);
        }
        using var client = new LlamaCpp(file, Target, model.Options.Out);
        double largest = ExtendedModel.Differences(merged.Model, client, ids).Max();
        output.WriteLine($"{name}: largest difference {largest:E1} of {tolerance:E1}");
        Assert.InRange(largest, 0, tolerance.Value);
        if (exported.Base!.LlamaCppArguments is { } arguments)
        {
            using PretrainedModel plain = PretrainedModel.Load(new ModelSource(model.Base));
            using var other = new LlamaCpp(model.Gguf(plain, "plain.gguf"), ExtendedModel.Original, model.Options.Out, arguments);
            largest = ExtendedModel.Differences(merged.Model, other, ids).Max();
            output.WriteLine($"{name}: with {arguments}: {largest:E1}");
            Assert.InRange(largest, 0, tolerance.Value);
        }
        return exported;
    }
}
