using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Training;
using TorchSharp;

namespace Skipwise.Tests.Runs;

/// <summary>Runs of the command in every optimizer, type and place that it offers here.</summary>
public sealed class PrecisionRunTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Theory]
    [InlineData("adamw", "bfloat16"), InlineData("adamw8bit", "bfloat16"), InlineData("adafactor", "float32"),
        InlineData("adamw", "float16")]
    public async Task An_interrupted_run_ends_in_the_same_bytes(string optimizer, string dtype)
    {
        string whole = model.Path($"whole-{optimizer}-{dtype}"), parts = model.Path($"parts-{optimizer}-{dtype}");
        string[] Words(string folder) => Train(folder, "--optimizer", optimizer, "--dtype", dtype, "--offload", "optimizer");
        CliRun run = (await CliRun.Of(Words(whole))).Succeeded();
        Assert.Contains("--offload: the CPU computes", run.Output + run.Error, StringComparison.Ordinal);
        Assert.Equal(130, (await CliRun.StoppedAfterItsFirstStep(Words(parts))).Code);
        (await CliRun.Of([.. Words(parts), "--resume"])).Succeeded();
        AssertSameModel(whole, parts);
        StepMetrics[] steps = [.. JsonLines.Read<StepMetrics>(Path.Combine(parts, "metrics.jsonl"))];
        Assert.Equal(JsonLines.Read<StepMetrics>(Path.Combine(whole, "metrics.jsonl")).Select(step => step.Loss),
            steps.Select(step => step.Loss));
        Assert.Equal(dtype == "float16", steps[0].LossScale is not null);

        string yaml = Path.Combine(whole, "run.yaml"), again = model.Path($"again-{optimizer}-{dtype}");
        Assert.All((string[])[$"optimizer: {optimizer}", $"dtype: {dtype}", "offload: optimizer", "device: \"cpu\""],
            line => Assert.Contains(line, File.ReadAllText(yaml), StringComparison.Ordinal));
        (await CliRun.Of("train", "--config", yaml, "--out", again)).Succeeded();
        AssertSameModel(whole, again);
    }

    /// <summary>Most published models are stored in 16 bits. A checkpoint's own weights are rounded to them, so it keeps the float32 weights
    /// beside.</summary>
    [Theory]
    [InlineData(torch.ScalarType.BFloat16, "float32"), InlineData(torch.ScalarType.Float16, "float32"),
        InlineData(torch.ScalarType.BFloat16, "bfloat16")]
    public async Task A_base_that_is_stored_in_16_bits_resumes_to_the_same_bytes(torch.ScalarType stored, string dtype)
    {
        string narrow = model.Copy($"stored-{stored}-{dtype}"),
            weights = Path.Combine(narrow, "model.safetensors"), whole = narrow + "-whole", parts = narrow + "-parts";
        using (var scope = torch.NewDisposeScope())
        {
            (string, torch.Tensor, torch.ScalarType)[] tensors;
            using (SafetensorsFile file = SafetensorsFile.Open(weights))
            {
                tensors = [.. file.Tensors.Values.Select(entry => (entry.Name, file.Read(entry).clone(), stored))];
            }
            SafetensorsWriter.Write(weights, tensors);
        }
        string[] Words(string folder) =>
            [.. Train(folder, "--dtype", dtype).Select(word => word == model.Folder ? narrow : word)];
        (await CliRun.Of(Words(whole))).Succeeded();
        Assert.Equal(130, (await CliRun.StoppedAfterItsFirstStep(Words(parts))).Code);
        (await CliRun.Of([.. Words(parts), "--resume"])).Succeeded();
        AssertSameModel(whole, parts);
        double[] Losses(string folder) =>
            [.. JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl")).Select(step => step.Loss)];
        Assert.Equal(Losses(whole), Losses(parts));
    }

    /// <summary>The finished model holds what the float32 weights behind the computation had become, in the base model's own
    /// types.</summary>
    [Fact]
    public async Task A_bfloat16_run_saves_its_float32_weights()
    {
        string folder = model.Path("saved");
        (await CliRun.Of(Train(folder, "--dtype", "bfloat16"))).Succeeded();
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        Assert.All(stored.Tensors.Values, tensor => Assert.Equal("F32", tensor.Type.Name));
        using PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(folder));
        using torch.Tensor weight = pretrained.Model.HeadWeight.detach();
        Assert.False(weight.to(torch.ScalarType.BFloat16).to(torch.ScalarType.Float32).Equals(weight));
    }

    [Fact]
    public async Task Models_are_measured_in_bfloat16_too()
    {
        string[] narrow = ["--model", model.Folder, "--dtype", "bfloat16", "--device", "cpu"];
        (await CliRun.Of(["eval", "perplexity", "--data", model.Text, "--windows", "32,64", "--max-documents", "2", .. narrow]))
            .Succeeded();
        (await CliRun.Of(["eval", "passkey", "--lengths", "200", "--trials", "2", .. narrow])).Succeeded();
        (await CliRun.Of(["generate", "--prompt", "The", "--max-new-tokens", "3", .. narrow])).Succeeded();
        string[] all =
            ["eval", "all", "--model", model.Folder, "--data", model.Text, "--lengths", "128", "--needle-trials", "0", "--trials", "1",
                "--depths", "2", "--out", model.Path("all")];
        (await CliRun.Of(all)).Succeeded();
        CliRun second = (await CliRun.Of([.. all, "--dtype", "bfloat16"])).Succeeded();
        Assert.DoesNotContain("kept from an earlier run", second.Output + second.Error, StringComparison.Ordinal); // another number
    }

    [Fact]
    public async Task What_cannot_be_is_told_at_once()
    {
        (await CliRun.Of(Train(model.Path("x"), "--optimizer", "adam"))).Complained("expected one of adamw, adamw8bit, adafactor");
        (await CliRun.Of(Train(model.Path("x"), "--dtype", "fp16"))).Complained("float32, bfloat16, float16");
        if (!torch.cuda.is_available())
        {
            (await CliRun.Of("eval", "passkey", "--model", model.Folder, "--device", "cuda:1"))
                .Complained("--device cuda:1", "SKIPWISE_LIBTORCH");
        }
        Assert.False(Directory.Exists(model.Path("x")));
    }

    private string[] Train(string folder, params string[] more) =>
    [
        "train", "--model", model.Folder, "--data", model.Text, "--target-length", $"{4 * SmallModel.Window}", "--out", folder, "--steps",
        "4", "--batch-size", "2",
        "--learning-rate", "1e-3", "--save-every", "2", "--threads", "1", "--device", "cpu", .. more,
    ];

    private static void AssertSameModel(string expected, string actual) =>
        Assert.True(File.ReadAllBytes(Path.Combine(expected, "model.safetensors")).AsSpan()
            .SequenceEqual(File.ReadAllBytes(Path.Combine(actual, "model.safetensors"))));
}
