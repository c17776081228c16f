using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Tests.Checkpoints.HuggingFace;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>A model in a GGUF file is loaded as the model that it was made from, and as the one that llama.cpp runs.</summary>
public sealed class GgufModelTests(ITestOutputHelper output) : IDisposable
{
    private const int Tokens = 250, Vocabulary = 96;

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    private string Export(PretrainedModel pretrained, GgufType type) => ExtendedModel.Export(pretrained, type, _temp);

    private static PretrainedModel Load(string file) => PretrainedModel.Load(new ModelSource(file, InferenceOnly: true));

    public static TheoryData<string> Families => [.. TinyConfig.Families.Where(family => family != "gptj")];

    /// <summary>What another program wrote, loaded from its folder: config, weights and numbers survive.</summary>
    [Theory]
    [MemberData(nameof(GgufExportTests.Fixtures), MemberType = typeof(GgufExportTests))]
    public void A_model_of_another_program_comes_back(string name)
    {
        using var reference = new ParityCase(name);
        using PretrainedModel read = Load(Export(reference.Pretrained, GgufType.F32));
        // float32 holds these scalings' numbers; of the others it rounds the base or the factors
        bool isExact = reference.Pretrained.Model.Config.Rope.Type is RopeType.Default or RopeType.Linear or RopeType.Yarn;
        Compare(reference.Model, read.Model, isExact && !reference.Model.Config.NormalizedHead ? 0 : 2e-4, name);
    }

    /// <summary>Every type that is written, of every family: the weights are those that the type holds, and nothing else changes.</summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void Every_type_of_every_family_comes_back_as_it_was_rounded(string family)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, RopeType.Linear);
        DecoderConfig model = pretrained.Model.Config;
        using IDisposable noGradient = no_grad();
        foreach (GgufType type in GgufType.Written)
        {
            string path = Export(pretrained, type);
            using PretrainedModel read = Load(path);
            using GgufFile file = GgufFile.Open(path);
            using var scope = NewDisposeScope();
            using var rounded = new CausalLM(model with { NormalizedHead = false }); // the rows in the file are normalized
            Dictionary<string, Tensor> own = rounded.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
            foreach ((string name, Parameter parameter) in pretrained.Model.named_parameters())
            {
                bool isHead = name == (model.TieWordEmbeddings ? ModelFamily.EmbeddingName : ModelFamily.HeadName);
                Tensor plain = isHead && model.NormalizedHead ? parameter / parameter.norm(1, keepdim: true, p: 2) : parameter;
                own[name].copy_(plain.dim() == 1 ? (model.Norm == NormKind.RmsUnitOffset ? plain + 1 - 1 : plain)
                    : ExtendedModel.Rounded(plain, isHead && type == GgufType.Q40 ? GgufType.Q80 : type));
            }
            foreach ((string name, Parameter parameter) in read.Model.named_parameters())
            {
                Assert.True(own[name].Equals(parameter.to(ScalarType.Float32)), $"{type.Name} {name}");
            }
            Compare(rounded, read.Model, 0, $"{family} {type.Name}");
        }
    }

    public static MatrixTheoryData<string, RopeType> Pairs =>
        new(Families.Select(row => row.Data), Enum.GetValues<RopeType>().Where(type => type != RopeType.DynamicNtk));

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Every_scaling_comes_back(string family, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type);
        if (GgufArchitecture.Refusal(family, pretrained.Model.Config) is not null)
        {
            return; // not written, so not read
        }
        using PretrainedModel read = Load(Export(pretrained, GgufType.F32));
        Assert.Equal(pretrained.Model.Config.MaxPositionEmbeddings, read.Model.Config.MaxPositionEmbeddings);
        if (type == RopeType.Llama3 && family != "phi3")
        {
            Assert.Equal(pretrained.Model.Config.Rope with { AttentionFactor = null }, read.Model.Config.Rope); // known by its factors
        }
        RopeFrequencies expected = Frequencies(pretrained), found = Frequencies(read);
        Assert.All(expected.InvFreq.Zip(found.InvFreq), pair => Assert.Equal(1, pair.First / pair.Second, 1e-6));
        Assert.Equal(expected.AttentionFactor, found.AttentionFactor, 1e-6);
        Compare(pretrained.Model, read.Model, 1e-3, $"{family} {type}");
    }

    private static RopeFrequencies Frequencies(PretrainedModel loaded) =>
        RopeFrequency.Compute(loaded.Model.Config.Rope, loaded.Model.Config.RotaryDim, ExtendedModel.Target);

    [Theory]
    [InlineData("llama", "'attention_bias': true, 'mlp_bias': true", RopeType.Llama3), InlineData("llama", "'head_dim': 24", RopeType.Yarn)]
    [InlineData("llama", "'tie_word_embeddings': true, 'num_key_value_heads': 2", RopeType.YarnRevised)]
    [InlineData("qwen2", "'num_key_value_heads': 2, 'tie_word_embeddings': true", RopeType.LongRope)]
    [InlineData("qwen3", "'head_dim': 32, 'num_key_value_heads': 1", RopeType.Yarn), InlineData("gemma", "'head_dim': 32", RopeType.Yarn)]
    [InlineData("phi3", "'partial_rotary_factor': 0.5, 'num_key_value_heads': 2", RopeType.LongRope)]
    [InlineData("gpt_neox", "'use_parallel_residual': false, 'rotary_pct': 0.25", RopeType.Linear)]
    public void A_variant_comes_back(string family, string keys, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type, keys);
        using PretrainedModel read = Load(Export(pretrained, GgufType.F32));
        Compare(pretrained.Model, read.Model, 1e-3, $"{family} {keys} {type}");
    }

    [Theory]
    [InlineData("llama", RopeType.Yarn), InlineData("llama", RopeType.YarnRevised), InlineData("qwen2", RopeType.Yarn)]
    [InlineData("phi3", RopeType.LongRope), InlineData("llama", RopeType.Linear)]
    public void An_attention_factor_of_its_own_comes_back(string family, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type, attentionFactor: 1.45);
        using PretrainedModel read = Load(Export(pretrained, GgufType.F32));
        Assert.Equal(1.45, RopeFrequency.Compute(read.Model.Config.Rope, read.Model.Config.RotaryDim).AttentionFactor, 1e-6);
        Compare(pretrained.Model, read.Model, 1e-3, $"{family} {type} with attention factor 1.45");
    }

    /// <summary>Converters write no window before a linear scaling: as with a config.json that lacks it, what is taken is told.</summary>
    [Fact]
    public void A_guessed_window_is_told()
    {
        using PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Linear);
        string whole = Export(pretrained, GgufType.F32);
        Assert.DoesNotContain(HfConfig.ForModel(whole).Warnings, warning => warning.Contains("can be read in two ways"));
        HfConfig guessed = HfConfig.ForModel(ChangedGguf.Write(whole, _temp["guessed.gguf"],
            [("llama.rope.scaling.original_context_length", null)]));
        Assert.Contains(guessed.Warnings, warning => warning.Contains("can be read in two ways"));
        Assert.Equal(pretrained.Model.Config.Rope, guessed.Model.Rope);
    }

    /// <summary>The file has the scale in float32; a config.json that states one which is not exactly the derived one is refused by
    /// transformers 4.</summary>
    [Fact]
    public void The_derived_attention_factor_is_derived_again()
    {
        using PretrainedModel pretrained = ExtendedModel.Create("phi3", RopeType.LongRope);
        string path = Export(pretrained, GgufType.F32);
        using PretrainedModel read = Load(path);
        Assert.Null(read.Model.Config.Rope.AttentionFactor);
        Assert.True(HfConfig.IsAt(path)); // so that prepare bounds the ids by its rows
    }

    /// <summary>
    /// Files that llama.cpp's own quantizer made, with the mixture of types that each name stands for. Its products round their inputs to 8
    /// bits, which makes 0.24 of the largest of 96 log-probabilities whatever the type. The same weights written as F32 are compared to the
    /// last digits.
    /// </summary>
    [Theory]
    [InlineData("Q2_K", "Q2_K"), InlineData("Q3_K_M", "Q3_K"), InlineData("Q4_K_M", "Q4_K"), InlineData("Q5_K_M", "Q5_K")]
    [InlineData("Q6_K", "Q6_K"), InlineData("Q8_0", "Q8_0"), InlineData("Q4_0", "Q4_0"), InlineData("Q4_1", "Q4_1")]
    [InlineData("Q5_0", "Q5_0"), InlineData("Q5_1", "Q5_1")]
    public void A_file_that_llama_cpp_quantized_computes_what_llama_cpp_computes(string type, string expected)
    {
        LlamaCpp.RequireNatives();
        using PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.YarnRevised,
            "'hidden_size': 256, 'intermediate_size': 512, 'num_attention_heads': 4, 'num_key_value_heads': 2");
        string quantized = _temp["quantized.gguf"];
        LlamaCpp.Quantize(Export(pretrained, GgufType.F32), quantized, type);
        using (GgufFile file = GgufFile.Open(quantized))
        {
            output.WriteLine(string.Join(", ", file.Tensors.Values.CountBy(tensor => tensor.Type.Name)));
            Assert.Contains(file.Tensors.Values, tensor => tensor.Type.Name == expected);
        }
        using PretrainedModel read = Load(quantized);
        int[] ids = TinyModel.Tokens(seed: 3, Tokens, Vocabulary);
        using (var client = new LlamaCpp(quantized, ExtendedModel.Target))
        {
            double[] differences = ExtendedModel.Differences(read.Model, client, ids);
            output.WriteLine($"{type}: largest {differences.Max():E1}, mean of largest {differences.Average():E1}");
            Assert.InRange(differences.Average(), 0, 0.4);
        }
        using var exact = new LlamaCpp(Export(read, GgufType.F32), ExtendedModel.Target);
        Assert.InRange(ExtendedModel.Differences(read.Model, exact, ids).Max(), 0, 1e-3);
    }

    /// <summary>A model from GGUF is saved as any other: an ordinary folder of its family, in float32 where the file has blocks.</summary>
    [Theory]
    [MemberData(nameof(Families))]
    public void It_is_saved_as_a_folder_of_Hugging_Face(string family)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, RopeType.Yarn);
        using PretrainedModel read = Load(Export(pretrained, GgufType.Q80));
        read.WriteFiles(Directory.CreateDirectory(_temp["saved"]).FullName);
        using PretrainedModel saved = Load(_temp["saved"]);
        Assert.Equal(family is "mistral" or "baichuan" ? "llama" : family, saved.Config.Family.ModelType);
        Compare(read.Model, saved.Model, 0, family);
        using WeightFiles weights = WeightFiles.Open(_temp["saved"]);
        Assert.All(weights.Tensors.Values, tensor => Assert.Equal("F32", tensor.Entry.Type.Name));
    }

    /// <summary>Some rows of blocks at a time, and a reordered matrix as a whole.</summary>
    [Fact]
    public void Its_average_with_a_folder_is_that_of_its_rounded_weights()
    {
        using PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Yarn);
        string file = Export(pretrained, GgufType.Q80);
        pretrained.WriteFiles(Directory.CreateDirectory(_temp["tuned"]).FullName);
        using var average = new WeightAverage(file, _temp["tuned"], 0.5) { PieceElements = 1000 };
        using PretrainedModel rounded = Load(file);
        using IDisposable noGradient = no_grad();
        using var scope = NewDisposeScope();
        Dictionary<string, Tensor> tuned = pretrained.Model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter),
            before = rounded.Model.named_parameters().ToDictionary(p => p.name, p => (Tensor)p.parameter);
        foreach (OutputTensor tensor in average.Tensors(default))
        {
            Tensor made = cat([.. tensor.Parts.Select(part => part.clone())]);
            Tensor expected = (tuned[tensor.Name] + before[tensor.Name]) / 2; // Llama's names are the canonical ones
            Assert.InRange((made - expected).abs().max().ToDouble(), 0, 1e-6);
        }
        Assert.Equal(tuned.Count, average.Count);
    }

    private void Compare(CausalLM expected, CausalLM found, double tolerance, string what)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor ids = tensor(TinyModel.Tokens(seed: 3, 100, expected.Config.VocabSize).Select(id => (long)id).ToArray()).unsqueeze(0);
        Tensor positions = arange(100).unsqueeze(0);
        Tensor ours = expected.Logits(ids, positions), theirs = found.Logits(ids, positions);
        double difference = (ours - theirs).abs().max().ToDouble();
        output.WriteLine($"{what}: {difference:E1}");
        Assert.InRange(difference, 0, tolerance);
        Assert.True(ours.abs().max().ToDouble() > 0.1);
    }
}
