using System.Text.Json.Nodes;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Tests.Checkpoints.Gguf;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>A folder that is exported for other programs: the same model, with the keys that each of them reads.</summary>
public sealed class PortableFolderTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static MatrixTheoryData<string, RopeType> Pairs => new(TinyConfig.Families, Enum.GetValues<RopeType>());

    /// <summary>Every pair is written and computes the same, or no program but Skipwise runs it. What is said of the folder beforehand
    /// is what its files say.</summary>
    [Theory]
    [MemberData(nameof(Pairs))]
    public void Every_scaling_of_every_family_computes_the_same_or_is_refused(string family, RopeType type)
    {
        using PretrainedModel pretrained = ExtendedModel.Create(family, type);
        pretrained.Save(_temp["model"]);
        ExportModelOptions options = new() { Model = _temp["model"], Out = _temp["exported"] };
        bool onlyOurs = (family, type) is ("gptj", not RopeType.Default) or ("phi3", RopeType.DynamicNtk);
        if (onlyOurs)
        {
            Assert.Contains("would not run it as it was trained", Assert.Throws<SkipwiseException>(() => ExportModel.Run(options)).Message);
            Assert.False(Directory.Exists(_temp["exported"]));
            return;
        }
        ExportModel.Run(options);
        using PretrainedModel read = PretrainedModel.Load(new ModelSource(_temp["exported"]));
        Compare(pretrained.Model, read.Model, pretrained.Model.Config.NormalizedHead ? 2e-5 : 0);
        Assert.Equal(family == "baichuan" ? "llama" : family, read.Config.Family.ModelType);
        CheckedExport check = CheckExport.Run(_temp["exported"], new ModelSource(_temp["model"]));
        string[] fails = [.. check.Programs.Where(program => !program.Passes).Select(program => program.Program)];
        string card = File.ReadAllText(_temp["exported/README.md"]);
        foreach (CheckedProgram program in check.Programs)
        {
            Assert.Contains($"| {program.Program} | {(program.Passes ? "yes" : "no")} |", card);
            Assert.True(!program.Passes || program is { LargestRatio: < 1 + 1e-6, Differences.Count: 0 }, program.Program);
            bool isRefused = fails.Contains(program.Program);
            ExportTarget target = Enum.GetValues<ExportTarget>().Where(value => value != ExportTarget.LlamaCpp)
                .ElementAt(check.Programs.ToList().IndexOf(program));
            ExportModelOptions asked = options with { Out = _temp[$"for-{target}"], For = target };
            if (isRefused)
            {
                Assert.Contains(program.Program, Assert.Throws<SkipwiseException>(() => ExportModel.Run(asked)).Message);
            }
            else
            {
                ExportModel.Run(asked);
            }
            Assert.Equal(!isRefused, Directory.Exists(asked.Out));
        }
    }

    [Theory]
    [InlineData(ExportDtype.Float16, "float16", "F16"), InlineData(ExportDtype.BFloat16, "bfloat16", "BF16")]
    [InlineData(null, "float32", "F32")]
    public void Weights_and_their_key_have_the_type_that_is_asked_for(ExportDtype? dtype, string key, string stored)
    {
        using (PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Yarn))
        {
            pretrained.Save(_temp["model"]);
        }
        ExportModel.Run(new() { Model = _temp["model"], Dtype = dtype, Out = _temp["exported"] });
        using WeightFiles weights = WeightFiles.Open(_temp["exported"]);
        Assert.Equal([stored], weights.Tensors.Values.Select(tensor => tensor.Entry.Type.Name).Distinct());
        Assert.Equal(key, (string?)Json("exported/config.json")["torch_dtype"]);
    }

    [Fact]
    public void A_folder_has_no_blocks()
    {
        using (PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Yarn))
        {
            pretrained.Save(_temp["model"]);
        }
        ExportModelOptions options = new() { Model = _temp["model"], Dtype = ExportDtype.Q80, Out = _temp["exported"] };
        Assert.Contains("q8_0", Assert.Throws<SkipwiseException>(() => ExportModel.Run(options)).Message);
        Assert.Contains("is the folder that is read",
            Assert.Throws<SkipwiseException>(() => ExportModel.Run(options with { Dtype = null, Out = _temp["model"] })).Message);
    }

    /// <summary>Keys of one version of a program alone become keys that all read, and the rest of the file stays.</summary>
    [Fact]
    public void Keys_of_transformers_5_become_keys_of_all()
    {
        using (PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Default))
        {
            pretrained.Save(_temp["model"]);
        }
        JsonObject config = Json("model/config.json");
        config.Remove("rope_theta");
        config["rope_parameters"] = new JsonObject { ["rope_type"] = "default", ["rope_theta"] = 500000.0 };
        config["transformers_version"] = "kept";
        config["_name_or_path"] = "of/mine";
        File.WriteAllText(_temp["model/config.json"], config.ToJsonString());
        Assert.Equal(["transformers 4", "mlx-lm"], Fails("model"));
        ExportModel.Run(new() { Model = _temp["model"], Out = _temp["exported"] });
        Assert.Empty(Fails("exported"));
        JsonObject exported = Json("exported/config.json");
        Assert.Equal((500000.0, 500000.0, "kept"), ((double)exported["rope_theta"]!, (double)exported["rope_parameters"]!["rope_theta"]!,
            (string?)exported["transformers_version"]));
        Assert.Equal((false, "LlamaForCausalLM"), ((bool)exported["tie_word_embeddings"]!, (string?)exported["architectures"]![0]));
        Assert.False(exported.ContainsKey("_name_or_path"));

        string[] Fails(string folder) => [.. CheckExport.Run(_temp[folder], new ModelSource(_temp["model"])).Programs
            .Where(program => !program.Passes).Select(program => program.Program)];
    }

    [Fact]
    public void Tokens_of_generation_and_the_tokenizers_length_are_written()
    {
        using (PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Yarn))
        {
            pretrained.Save(_temp["model"]);
        }
        File.WriteAllText(_temp["model/tokenizer_config.json"], """{"model_max_length": 32, "chat_template": "<b>"}""");
        ExportModel.Run(new() { Model = _temp["model"], Out = _temp["exported"] });
        Assert.Equal((1, 2), ((int)Json("exported/generation_config.json")["bos_token_id"]!,
            (int)Json("exported/generation_config.json")["eos_token_id"]!));
        JsonObject tokenizer = Json("exported/tokenizer_config.json");
        Assert.Equal((ExtendedModel.Target, "<b>"), ((int)tokenizer["model_max_length"]!, (string?)tokenizer["chat_template"]));
        JsonObject config = Json("model/config.json");
        config["eos_token_id"] = new JsonArray(2, 7);
        config["pad_token_id"] = -1;
        File.WriteAllText(_temp["model/config.json"], config.ToJsonString());
        ExportModel.Run(new() { Model = _temp["model"], Out = _temp["exported"] });
        Assert.Equal("[2,7]", Json("exported/generation_config.json")["eos_token_id"]!.ToJsonString());
        Assert.False(Json("exported/generation_config.json").ContainsKey("pad_token_id"));
        const string own = """{"eos_token_id": [2, 7]}""";
        File.WriteAllText(_temp["model/generation_config.json"], own);
        ExportModel.Run(new() { Model = _temp["model"], Out = _temp["exported"] });
        Assert.Equal(own, File.ReadAllText(_temp["exported/generation_config.json"]));
    }

    /// <summary>A decoder that some programs lack is told, and refused if one of them is asked for; the check is of the rotation.</summary>
    [Fact]
    public void Another_decoder_is_told()
    {
        using (PretrainedModel pretrained = ExtendedModel.Create("llama", RopeType.Yarn, "'hidden_act': 'gelu'"))
        {
            pretrained.Save(_temp["model"]);
        }
        ExportModelOptions options = new() { Model = _temp["model"], Out = _temp["exported"] };
        ExportModel.Run(options);
        CheckedExport check = CheckExport.Run(_temp["exported"], new ModelSource(_temp["model"]));
        Assert.True(check.Passes);
        Assert.Equal(["vLLM", "mlx-lm"], check.Programs.Where(program => !program.Passes).Select(program => program.Program));
        Assert.Contains("mlx-lm does not compute another activation",
            Assert.Throws<SkipwiseException>(() => ExportModel.Run(options with { For = ExportTarget.Mlx })).Message);
    }

    [Fact]
    public void Results_are_found_by_the_names_that_a_comparison_gives()
    {
        var model = new ModelSource("a/llama", new RopeOverrides { Type = RopeType.Yarn, Factor = 4 }, Adapter: "b/lora");
        Assert.Equal(["llama + lora (yarn x4)", "a/llama + b/lora (yarn x4)"], EvaluateAll.NamesOf(model));
        Assert.Equal(["llama", "a/llama"], EvaluateAll.NamesOf(new ModelSource("a/llama", new RopeOverrides())));
    }

    private JsonObject Json(string file) => (JsonObject)JsonNode.Parse(File.ReadAllText(_temp[file]))!;

    private static void Compare(CausalLM expected, CausalLM actual, double tolerance)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Tensor ids = arange(48).remainder(96).unsqueeze(0), positions = (arange(48) * 5).unsqueeze(0);
        double difference = (expected.Logits(ids, positions) - actual.Logits(ids, positions)).abs().max().ToDouble();
        Assert.True(difference <= tolerance, $"{difference}");
    }
}
