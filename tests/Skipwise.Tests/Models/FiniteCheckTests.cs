using System.Runtime.InteropServices;
using Skipwise.Checkpoints;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Evaluation.Scoring;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Tests.Checkpoints.Formats;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

/// <summary>Numbers that are none, and numbers that a narrower type does not hold.</summary>
public sealed class FiniteCheckTests : IDisposable
{
    private const string Down = "model.layers.1.mlp.down_proj.weight";
    private readonly TempFolder _temp = new();
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose()
    {
        _scope.Dispose();
        _temp.Dispose();
    }

    [Theory]
    [InlineData(ScalarType.Float64), InlineData(ScalarType.Float32), InlineData(ScalarType.Float16), InlineData(ScalarType.BFloat16)]
    public void One_value_among_many_is_found(ScalarType type)
    {
        foreach (int count in (int[])[1, 7, 64, 40_000])
        {
            foreach (float value in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
            {
                Tensor values = zeros(count, type);
                Assert.Equal(0, FiniteCheck.MaxAbs(values));
                values[count - 1] = value;
                Assert.True(FiniteCheck.HasNonFinite(values), $"{count} {value}");
            }
        }
        Assert.Equal(8, FiniteCheck.MaxAbs(tensor(new[] { 1f, -8, 3 }).to(type)));
        Assert.Equal(0, FiniteCheck.MaxAbs(empty(0, type)));
    }

    [Theory]
    [InlineData("llama-none", "model.norm.weight", float.NaN, "holds values that are not numbers (NaN)")]
    [InlineData("llama-none", Down, float.NegativeInfinity, "holds infinite values")]
    [InlineData("llama-none", "model.embed_tokens.weight", float.NaN, "NaN")]
    [InlineData("gpt_neox-pct25-parallel", "gpt_neox.layers.1.attention.query_key_value.weight", float.NaN, "NaN")]
    public void A_weight_that_is_no_number_is_found_at_load(string fixture, string name, float value, string expected)
    {
        string folder = Changed(fixture, name, tensor => tensor.view(-1)[^1] = value);
        foreach (ModelSource source in (ModelSource[])[new(folder), new(folder, InferenceOnly: true), new(folder, QuantizationBits: 4)])
        {
            string message = Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(source)).Message;
            Assert.Contains($"tensor {name}: ", message);
            Assert.Contains(expected, message);
        }
        Assert.Contains(name, Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(folder),
            ScalarType.BFloat16)).Message);
    }

    [Fact]
    public void Weights_beyond_the_type_that_is_computed_in_are_told_apart_from_damaged_ones()
    {
        string folder = Changed("llama-none", Down, tensor => tensor[0, 0] = 7e4f);
        string message = Assert.Throws<SkipwiseException>(() => PretrainedModel.Load(new ModelSource(folder), ScalarType.Float16)).Message;
        Assert.Contains($"tensor {Down}: values up to 7e+4 leave the range of Float16: compute in float32 or bfloat16", message);
        PretrainedModel.Load(new ModelSource(folder), ScalarType.BFloat16).Dispose();

        using PretrainedModel trained = PretrainedModel.Load(new ModelSource(folder));
        Assert.Contains(Down, Assert.Throws<SkipwiseException>(() => MasterWeights.Create(trained.Model, ScalarType.Float16, CPU,
            offload: false)).Message);
    }

    /// <summary>Finite weights whose products are not, and weights that went bad in memory: the first result tells.</summary>
    [Fact]
    public void Results_that_are_no_numbers_are_not_given()
    {
        using CausalLM model = TinyModel.Create();
        using IDisposable noGradient = no_grad();
        model.HeadWeight[7, 3] = float.NaN;
        int[] ids = TinyModel.Tokens(1, 12);
        Assert.Contains("weight lm_head.weight holds NaN", Assert.Throws<SkipwiseException>(() => Scorer.Losses(model, [ids], 4)).Message);
        Assert.Contains("weight lm_head.weight holds NaN",
            Assert.Throws<SkipwiseException>(() => Scorer.ScoreTargets(model, ones(2, 32), [1, 2])).Message);
        model.HeadWeight.fill_(3e38f);
        string message = Assert.Throws<SkipwiseException>(() => TextGenerator.Generate(model, ids, new() { MaxNewTokens = 1 })).Message;
        Assert.Contains("its weights are finite, but what is computed with them leaves the range of Float32", message);
    }

    [Fact]
    public void A_narrowing_save_names_every_tensor_that_does_not_fit_and_leaves_no_file()
    {
        string path = _temp["x.safetensors"];
        (string, Tensor, ScalarType)[] tensors =
        [
            ("fits", tensor(new[] { 65519f, -65519f }), ScalarType.Float16), ("one", tensor(new[] { 1f, 65520f }), ScalarType.Float16),
                ("two", tensor(new[] { -1e9f, 1f }), ScalarType.Float16),
            ("wide", tensor(new[] { 1e9f, float.PositiveInfinity }), ScalarType.Float32),
                ("three", tensor(new[] { float.NaN }), ScalarType.Float16), ("four", tensor(new[] { 3.4e38f }), ScalarType.BFloat16),
        ];
        string message = Assert.Throws<SkipwiseException>(() => SafetensorsWriter.Write(path, tensors)).Message;
        Assert.Contains("leave the range of F16, the type of the file, in one (up to 6.552e+4), two (up to 1e+9), three (not finite), " +
            "four (up to 3.4e+38). Store the base model in", message);
        Assert.Empty(Directory.EnumerateFiles(_temp.Path));
        SafetensorsWriter.Write(path, [tensors[0], tensors[3]]);
    }

    [Theory]
    [InlineData(20, "t20 (up to 1e+9). Store")]
    [InlineData(22, "t20 (up to 1e+9) and 2 more. Store")]
    public void A_narrowing_save_names_twenty_tensors_and_counts_the_rest(int count, string expected)
    {
        (string, Tensor, ScalarType)[] tensors =
            [.. Enumerable.Range(1, count).Select(i => ($"t{i}", tensor(new[] { 1e9f }), ScalarType.Float16))];
        Assert.Contains(expected,
            Assert.Throws<SkipwiseException>(() => SafetensorsWriter.Write(_temp["x.safetensors"], tensors)).Message);
    }

    /// <summary>Halfway between two neighbours the even one is taken, and otherwise the nearer one.</summary>
    [Theory]
    [InlineData(0x3F808000u, 0x3F80), InlineData(0x3F808001u, 0x3F81), InlineData(0x3F818000u, 0x3F82), InlineData(0x3F817FFFu, 0x3F81)]
    [InlineData(0xBF808001u, 0xBF81), InlineData(0x7F7F7FFFu, 0x7F7F)]
    public void Float32_is_saved_as_bfloat16_by_rounding_to_nearest_even(uint bits, int expected)
    {
        SafetensorsWriter.Write(_temp["x.safetensors"], [("x", tensor(new[] { BitConverter.UInt32BitsToSingle(bits) }),
            ScalarType.BFloat16)]);
        Assert.Equal(expected, MemoryMarshal.Read<ushort>(RawSafetensors.Read(_temp["x.safetensors"])["x"].Data));
    }

    /// <summary>A merge is refused, what was trained for long is kept: the tensor alone becomes float32.</summary>
    [Fact]
    public void A_model_of_float16_whose_weight_has_grown_is_refused_or_widened()
    {
        string folder = Changed("llama-none", Down, _ => { }, ScalarType.Float16);
        using PretrainedModel model = PretrainedModel.Load(new ModelSource(folder));
        using IDisposable noGradient = no_grad();
        Tensor grown = model.Model.named_parameters().Single(p => p.name == Down).parameter;
        grown[0, 0] = 1e5f;
        Assert.Contains(Down, Assert.Throws<SkipwiseException>(() => model.Save(_temp["merged"])).Message);
        Assert.False(Directory.Exists(_temp["merged"]));

        ITrainable trainable = model;
        trainable.WriteFiles(Directory.CreateDirectory(_temp["trained"]).FullName);
        var saved = RawSafetensors.Read(Path.Combine(_temp["trained"], WeightFiles.SingleName));
        Assert.Equal([Down], saved.Where(tensor => tensor.Value.Type != "F16").Select(tensor => tensor.Key));
        Assert.Contains(Down, trainable.SavingNote);
        using PretrainedModel again = PretrainedModel.Load(new ModelSource(_temp["trained"]));
        Assert.True(again.Model.named_parameters().Single(p => p.name == Down).parameter.Equals(grown));

        grown[0, 0] = 1;
        trainable.WriteFiles(Directory.CreateDirectory(_temp["again"]).FullName);
        Assert.Null(trainable.SavingNote);
    }

    /// <summary>What other programs load by: the configuration names the type once no weight has the old one.</summary>
    [Theory]
    [InlineData("torch_dtype"), InlineData("dtype")]
    public void The_configuration_says_float32_once_all_weights_are(string key)
    {
        string folder = Changed("llama-none", Down, _ => { }, ScalarType.Float16), path = Path.Combine(folder, HfConfig.FileName);
        string text = File.ReadAllText(path).Replace("\"torch_dtype\": \"float32\"", $"\"{key}\":   \"float16\"", StringComparison.Ordinal);
        Assert.Contains($"\"{key}\":   \"float16\"", text, StringComparison.Ordinal);
        File.WriteAllText(path, text);
        using PretrainedModel model = PretrainedModel.Load(new ModelSource(folder));
        using IDisposable noGradient = no_grad();
        Tensor[] weights = [.. model.Model.parameters()];
        string Saved(string name)
        {
            ((ITrainable)model).WriteFiles(Directory.CreateDirectory(_temp[name]).FullName);
            return File.ReadAllText(Path.Combine(_temp[name], HfConfig.FileName));
        }
        Assert.Equal(text, Saved("fits"));
        weights[0].fill_(1e5f);
        Assert.Equal(text, Saved("mixed"));
        Array.ForEach(weights, weight => weight.fill_(1e5f));
        string wide = Saved("wide");
        Assert.Contains($"\"{key}\": \"float32\"", wide, StringComparison.Ordinal);
        Assert.DoesNotContain("float16", wide, StringComparison.Ordinal);
        Assert.DoesNotContain(key == "dtype" ? "torch_dtype" : "\"dtype\"", wide, StringComparison.Ordinal);
        weights[0].fill_(1);
        Assert.Equal(text, Saved("again"));
    }

    /// <summary>A fixture's model with one tensor changed.</summary>
    private string Changed(string fixture, string name, Action<Tensor> change, ScalarType? type = null)
    {
        string folder = Directory.CreateDirectory(_temp["changed"]).FullName;
        using (WeightFiles weights = WeightFiles.Open(Fixture.Path(fixture)))
        {
            (string Name, Tensor Value, ScalarType Type)[] tensors = [.. weights.Tensors.Values.Where(t =>
                !ModelFamily.Ignores(t.Entry.Name)).Select(t => (t.Entry.Name, t.File.Read(t.Entry), type ?? ScalarType.Float32))];
            change(tensors.Single(t => t.Name == name).Value);
            SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.SingleName), tensors);
        }
        File.Copy(Fixture.Path(fixture, HfConfig.FileName), Path.Combine(folder, HfConfig.FileName));
        return folder;
    }
}
