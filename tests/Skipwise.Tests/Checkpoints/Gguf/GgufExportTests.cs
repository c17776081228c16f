using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Synthetic;
using Skipwise.Tests.Checkpoints.HuggingFace;
using Skipwise.Tokenizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>
/// llama.cpp runs the files that are written: its log-probabilities within the original window and beyond it, and its greedy tokens, are
/// ours. Every pair of family and scaling is run or refused.
/// </summary>
public sealed class GgufExportTests(ITestOutputHelper output) : IDisposable
{
    private static readonly string s_shipped = Path.Combine(HouseRulesTests.Root(), "models", "skipwise-tiny");

    private const int Original = ExtendedModel.Original, Target = ExtendedModel.Target, Tokens = 250, Vocabulary = 96;

    /// <summary>Float32 against float32: other orders of summation, and llama.cpp's powers of the base in float32.</summary>
    private const double Exact = 5e-4;

    /// <summary>llama.cpp computes GELU from a table of float16 numbers, GPT-NeoX's by another formula besides.</summary>
    private const double Approximate = 1e-2;

    private static readonly GenerationOptions s_greedy = new() { MaxNewTokens = 64, Temperature = 0 };

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static TheoryData<string> Fixtures =>
        [.. ParityCase.All.Where(name => !name.StartsWith("gptj", StringComparison.Ordinal) && !name.Contains("dynamic")
            && !name.Contains("sliding"))];

    [Theory]
    [MemberData(nameof(Fixtures))]
    public void A_model_of_another_program_computes_the_same(string name)
    {
        using var reference = new ParityCase(name);
        Compare(reference.Pretrained, name, name.StartsWith("gpt_neox", StringComparison.Ordinal) ? Approximate : Exact);
    }

    public static MatrixTheoryData<string, RopeType> Pairs => new(TinyConfig.Families, Enum.GetValues<RopeType>());

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Every_scaling_of_every_family_computes_the_same_or_is_refused(string family, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type);
        string expected = (family, type) switch
        {
            ("gptj", _) => "no implementation",
            (_, RopeType.DynamicNtk) => "no dynamic scaling",
            ("qwen3" or "gemma" or "gpt_neox", RopeType.YarnRevised or RopeType.Llama3 or RopeType.LongRope) => "no factors",
            _ => "",
        };
        if (expected == "")
        {
            Compare(pretrained, $"{family} {type}", family is "gemma" or "gpt_neox" ? Approximate : Exact);
            return;
        }
        SkipwiseException refused = Assert.Throws<SkipwiseException>(() => Export(pretrained, GgufType.F32));
        Assert.Contains(expected, refused.Message);
        Assert.Empty(Directory.GetFiles(_temp[""]));
    }

    /// <summary>What a family's config.json may change.</summary>
    [Theory]
    [InlineData("llama", "'attention_bias': true, 'mlp_bias': true", RopeType.Llama3), InlineData("llama", "'head_dim': 24", RopeType.Yarn)]
    [InlineData("llama", "'tie_word_embeddings': true, 'num_key_value_heads': 2", RopeType.YarnRevised)]
    [InlineData("qwen2", "'num_key_value_heads': 2, 'tie_word_embeddings': true", RopeType.LongRope)]
    [InlineData("qwen3", "'head_dim': 32, 'num_key_value_heads': 1", RopeType.Yarn), InlineData("gemma", "'head_dim': 32", RopeType.Yarn)]
    [InlineData("phi3", "'partial_rotary_factor': 0.5, 'num_key_value_heads': 2", RopeType.LongRope)]
    [InlineData("phi3", "'partial_rotary_factor': 0.5, 'tie_word_embeddings': true", RopeType.Yarn)]
    [InlineData("gpt_neox", "'use_parallel_residual': false, 'rotary_pct': 0.25", RopeType.Linear)]
    [InlineData("mistral", "'sliding_window': 4096", RopeType.Ntk)]
    public void A_variant_computes_the_same(string family, string keys, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type, keys);
        Compare(pretrained, $"{family} {keys} {type}", family is "gemma" or "gpt_neox" ? Approximate : Exact);
    }

    /// <summary>An attention factor that is not the scaling's own.</summary>
    [Theory]
    [InlineData("llama", RopeType.Yarn), InlineData("llama", RopeType.YarnRevised), InlineData("qwen2", RopeType.Yarn)]
    [InlineData("phi3", RopeType.LongRope), InlineData("llama", RopeType.Linear)]
    public void An_attention_factor_of_its_own_is_computed_too(string family, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type, attentionFactor: 1.45);
        Compare(pretrained, $"{family} {type} with attention factor 1.45", Exact);
    }

    private string Export(PretrainedModel pretrained, GgufType type) => ExtendedModel.Export(pretrained, type, _temp);

    private void Compare(PretrainedModel pretrained, string name, double tolerance)
    {
        LlamaCpp.RequireNatives();
        using var client = new LlamaCpp(Export(pretrained, GgufType.F32), Target);
        int[] ids = TinyModel.Tokens(seed: 3, Tokens, Vocabulary);
        double[] differences = ExtendedModel.Differences(pretrained.Model, client, ids);
        (double within, double beyond) = (differences[..Original].Max(), differences[Original..].Max());
        output.WriteLine($"{name}: largest difference {within:E1} within {Original} tokens, {beyond:E1} up to {Tokens}");
        Assert.InRange(within, 0, tolerance);
        Assert.InRange(beyond, 0, tolerance);
        int[] prompt = ids[..40];
        Assert.Equal(TextGenerator.Generate(pretrained.Model, prompt, s_greedy, _ => { }, default), client.Greedy(prompt, 64));
    }

    /// <summary>
    /// The log-probabilities of a text's own tokens, within the window of the shipped model and beyond it. llama.cpp multiplies a float16
    /// matrix with inputs rounded to float16, and a bfloat16 one with inputs of 8 bits, so the latter's largest difference is llama.cpp's
    /// own: it is held by its mean.
    /// </summary>
    [Theory]
    [InlineData(RopeType.Default), InlineData(RopeType.Ntk), InlineData(RopeType.Yarn), InlineData(RopeType.YarnRevised)]
    public void The_shipped_model_scores_a_text_the_same(RopeType rope)
    {
        LlamaCpp.RequireNatives();
        using PretrainedModel pretrained = Shipped(rope);
        int[] ids = Text(0, rope == RopeType.Default ? 128 : 480);
        foreach ((GgufType type, double largest, double mean) in
            ((GgufType, double, double)[])[(GgufType.F32, 1e-3, 1e-5), (GgufType.F16, 2e-2, 1e-3), (GgufType.BF16, 0.5, 1e-2),
                (GgufType.Q80, 2, 5e-2), (GgufType.Q40, 5, 0.2)])
        {
            using var client = new LlamaCpp(Export(pretrained, type), 512);
            double[] differences = TextDifferences(pretrained.Model, client, ids);
            output.WriteLine(
                $"{rope} {type.Name}: largest {differences[..127].Max():E1} within 128 tokens, {differences.Max():E1} in all, " +
                $"mean {differences.Average():E1}");
            Assert.InRange(differences.Max(), 0, largest);
            Assert.InRange(differences.Average(), 0, mean);
        }
    }

    [Theory]
    [InlineData(RopeType.Default), InlineData(RopeType.Yarn)]
    public void The_shipped_model_continues_a_text_with_the_same_tokens(RopeType rope)
    {
        LlamaCpp.RequireNatives();
        using PretrainedModel pretrained = Shipped(rope);
        int[] prompt = Text(1, rope == RopeType.Default ? 50 : 200);
        using var client = new LlamaCpp(Export(pretrained, GgufType.F32), 512);
        Assert.Equal(TextGenerator.Generate(pretrained.Model, prompt, s_greedy, _ => { }, default), client.Greedy(prompt, 64));
    }

    private static PretrainedModel Shipped(RopeType rope) => PretrainedModel.Load(new ModelSource(s_shipped),
        model => rope == RopeType.Default ? model : ContextExtension.Extend(model, 512, new RopeOverrides { Type = rope }));

    /// <summary>BOS and the beginning of a chronicle.</summary>
    private static int[] Text(ulong document, int tokens)
    {
        ITokenizer tokenizer = TokenizerLoader.Load(s_shipped);
        string text = SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.Train, 1, document,
            TextLength.Tokens(600, tokenizer));
        return [tokenizer.BosId!.Value, .. tokenizer.Encode(text)[..(tokens - 1)]];
    }

    /// <summary>The head alone keeps 8 bits where matrices get 4; vectors, and rows that fill no blocks, keep more.</summary>
    [Fact]
    public void Every_weight_is_in_the_file_as_its_type_holds_it()
    {
        using PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Default);
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Dictionary<string, Tensor> parameters =
            pretrained.Model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        foreach (GgufType type in GgufType.Written)
        {
            using GgufFile file = GgufFile.Open(Export(pretrained, type));
            Assert.Equal((uint)type.FileType!, file.Values.Values["general.file_type"]);
            Assert.Equal(type.Stored.Blocks is not null, file.Values.Values.ContainsKey("general.quantization_version"));
            Assert.Equal(parameters.Count, file.Tensors.Count);
            Assert.Equal(type.Name, file.Tensors["blk.0.ffn_down.weight"].Type.Name);
            Assert.Equal(type == GgufType.Q40 ? "Q8_0" : type.Name, file.Tensors["output.weight"].Type.Name);
            Assert.Equal("F32", file.Tensors["blk.1.attn_norm.weight"].Type.Name);
            Tensor stored = file.Read(file.Tensors["blk.0.ffn_up.weight"]), own = parameters["model.layers.0.mlp.up_proj.weight"];
            Assert.Equal(0, (stored.to(ScalarType.Float32) - ExtendedModel.Rounded(own, type)).abs().max().ToDouble());
        }
    }

    [Fact]
    public void Values_that_float16_does_not_hold_are_refused_and_nothing_is_left()
    {
        using PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Default);
        using (no_grad())
        {
            pretrained.Model.named_parameters().First(p => p.name.EndsWith("up_proj.weight", StringComparison.Ordinal))
                .parameter[0, 0] = 1e5;
        }
        SkipwiseException refused = Assert.Throws<SkipwiseException>(() => Export(pretrained, GgufType.F16));
        Assert.Contains("blk.0.ffn_up.weight (up to 1e+5)", refused.Message);
        Assert.Empty(Directory.GetFiles(_temp[""]));
        Export(pretrained, GgufType.BF16);
    }

    [Theory]
    [InlineData("mistral", "'sliding_window': 16", "no sliding window")]
    [InlineData("llama", "'partial_rotary_factor': 0.5", "whole heads")]
    [InlineData("phi3", "'head_dim': 8", "heads of hidden size")]
    [InlineData("qwen3", "'attention_bias': true", "other biases")]
    [InlineData("gpt_neox", "'tie_word_embeddings': true", "a head of its own")]
    [InlineData("llama", "'hidden_act': 'gelu'", "another activation")]
    public void A_decoder_that_llama_cpp_lacks_is_refused(string family, string keys, string reason)
    {
        HfConfig config = TinyConfig.Of(family, keys);
        Assert.Contains(reason, GgufArchitecture.Refusal(family, config.Model));
    }

    [Fact]
    public void Lists_that_differ_and_dynamic_scalings_name_an_alternative()
    {
        DecoderConfig model = TinyConfig.Of("llama").Model;
        DecoderConfig dynamic = new RopeOverrides { Type = RopeType.DynamicNtk, Factor = 4, OriginalLength = 64 }.Apply(model);
        Assert.Contains("ntk", GgufArchitecture.Refusal("llama", dynamic));
        Assert.Contains("13 is the same scaling, fixed at its value for 256 tokens", GgufArchitecture.Refusal("llama", dynamic));
        double[] ones = [.. Enumerable.Repeat(1.0, 8)], twos = [.. Enumerable.Repeat(2.0, 8)];
        RopeOptions lists =
            new() { Type = RopeType.LongRope, Factor = 4, OriginalMaxPositionEmbeddings = 64, ShortFactor = ones, LongFactor = twos };
        Assert.Contains("not by the length of the text", GgufArchitecture.Refusal("phi3", model with { Rope = lists }));
    }

    /// <summary>By token of a text: the difference of its log-probability after all tokens before it.</summary>
    private static double[] TextDifferences(CausalLM model, LlamaCpp client, int[] ids)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor logits = model.Logits(tensor(ids.Select(id => (long)id).ToArray()).unsqueeze(0), arange(ids.Length).unsqueeze(0))[0];
        Tensor next = tensor(ids[1..].Select(id => (long)id).ToArray()).unsqueeze(1);
        float[] ours = logits.log_softmax(-1)[..^1].gather(1, next).squeeze(1).data<float>().ToArray();
        float[][] theirs = client.LogProbabilities(ids);
        return [.. ours.Select((value, i) => Math.Abs((double)value - theirs[i][ids[i + 1]]))];
    }
}
