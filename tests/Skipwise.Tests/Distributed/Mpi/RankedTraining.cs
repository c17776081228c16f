using Skipwise.Checkpoints;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Synthetic;
using Skipwise.Tests.Cli;
using Skipwise.Tokenizers;
using Skipwise.Training;
using static TorchSharp.torch;

namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>The training that the jobs of several ranks repeat: of the shipped model, a second of work. Made once for all of them by one
/// process.</summary>
public sealed class RankedTraining : IDisposable
{
    /// <summary>its optimizer steps</summary>
    public const int Steps = 16;

    // at 1e-3 a training is unstable: after 100 steps, one process with windows of other rounding is 5e-4 away in its losses, here 2e-7
    private const string LearningRate = "2e-4";

    private const int EvaluationEvery = 8;
    private const double Near = 1e-5; // losses and measurements, relative

    private static readonly string s_model = System.IO.Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");
    private readonly TempFolder _folder = new();
    private readonly Dictionary<int, (string Folder, CliRun Run)> _references = [];

    public RankedTraining()
    {
        ITokenizer tokenizer = TokenizerLoader.Load(s_model);
        Text = Path("text.jsonl");
        File.WriteAllText(Text, JsonLines.Text(Enumerable.Range(0, 8).Select(i => new Document(SyntheticCorpus.Document(
            SyntheticKind.Chronicle, SyntheticPart.Train, 1, (ulong)i, TextLength.Tokens(400, tokenizer))))));
    }

    public string Text { get; }

    /// <summary>The shipped model.</summary>
    public static string Model => s_model;

    public string Path(string name) => _folder[name];

    /// <summary>The command line of the training.</summary>
    /// <param name="folder">its run folder</param>
    /// <param name="steps">0: so many that it never ends</param>
    public string[] Arguments(string folder, int steps = Steps, params string[] more) =>
    [
        "train", "--model", s_model, "--data", Text, "--target-length", "256", "--train-length", "64", "--out", folder,
        "--steps", $"{(steps == 0 ? 1_000_000 : steps)}", "--batch-size", "1", "--global-batch-size", "4", "--learning-rate", LearningRate,
        "--eval-every", $"{EvaluationEvery}", "--eval-data", Text, "--eval-windows", "256", "--eval-documents", "1", .. more,
    ];

    /// <summary>The training by one process that nobody disturbed: its folder, and what it said.</summary>
    internal (string Folder, CliRun Run) Reference(int steps = Steps)
    {
        if (!_references.TryGetValue(steps, out (string Folder, CliRun Run) reference))
        {
            string folder = Path($"reference-{steps}");
            reference = (folder, Alone(Arguments(folder, steps)));
            _references[steps] = reference;
        }
        return reference;
    }

    /// <summary>One process, this one.</summary>
    internal static CliRun Alone(string[] args) => CliRun.Of(args).GetAwaiter().GetResult().Succeeded();

    /// <summary>A finished run has the losses, measurements, files and weights of the reference.</summary>
    public void RequireSame(string folder, int steps = Steps)
    {
        string expected = Reference(steps).Folder;
        StepMetrics[] ones = Metrics(expected), others = Metrics(folder);
        Assert.Equal(Enumerable.Range(1, steps), others.Select(step => step.Step));
        foreach ((StepMetrics one, StepMetrics other) in ones.Zip(others))
        {
            RequireNear(one.Loss, other.Loss, $"loss of step {one.Step}");
            Assert.Equal((one.Tokens, one.LearningRate, one.Epoch), (other.Tokens, other.LearningRate, other.Epoch));
        }
        EvaluationPoint[] points = Evaluations(expected), measured = Evaluations(folder);
        Assert.Equal((steps + EvaluationEvery - 1) / EvaluationEvery, points.Length); // the last step's too
        Assert.Equal(points.Length, measured.Length);
        foreach ((EvaluationPoint one, EvaluationPoint other) in points.Zip(measured))
        {
            Assert.Equal(one, other with { Value = one.Value, StandardError = one.StandardError });
            RequireNear(one.Value, other.Value, $"{one.Metric} after step {one.Step}");
        }
        Assert.Equal(Files(expected), Files(folder));
        RequireSameWeights(expected, folder);
    }

    /// <summary>What a job that was torn down leaves: whole checkpoints, and a log that a run can go on from.</summary>
    /// <param name="saves">whether it had saved</param>
    public static void RequireWhole(string folder, bool saves = true)
    {
        Assert.Equal(Enumerable.Range(1, Metrics(folder).Length), Metrics(folder).Select(step => step.Step));
        IReadOnlyList<string> checkpoints = new RunFolder(folder).Checkpoints();
        Assert.Equal(saves, checkpoints.Count > 0);
        Assert.All(checkpoints, checkpoint => Assert.Null(FolderManifest.Find(checkpoint)!.Damage(checkpoint)));
    }

    internal static StepMetrics[] Metrics(string folder) => [.. JsonLines.Read<StepMetrics>(Log(folder))];

    /// <summary>The log of a run's steps.</summary>
    public static string Log(string folder) => System.IO.Path.Combine(folder, "metrics.jsonl");

    internal static void RequireNear(double expected, double actual, string what) =>
        Assert.True(Math.Abs((actual / expected) - 1) <= Near, $"{what}: {actual}, not {expected}");

    public void Dispose() => _folder.Dispose();

    private static EvaluationPoint[] Evaluations(string folder) =>
        [.. JsonLines.Read<EvaluationPoint>(System.IO.Path.Combine(folder, "evaluations.jsonl"))];

    /// <summary>All files of the folder but those of checkpoints, whose number depends on how often it saved.</summary>
    private static string[] Files(string folder) =>
    [
        .. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(folder, file))
            .Where(file => !file.StartsWith("checkpoints", StringComparison.Ordinal)).Order(StringComparer.Ordinal),
    ];

    /// <summary>The finished models load, and training has moved both to the same place.</summary>
    private static void RequireSameWeights(string expected, string folder)
    {
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        using PretrainedModel start = PretrainedModel.Load(new ModelSource(s_model)), one = PretrainedModel.Load(new ModelSource(expected)),
            other = PretrainedModel.Load(new ModelSource(folder));
        Tensor Flat(PretrainedModel model) => cat([.. model.Model.parameters().Select(parameter => parameter.flatten())]);
        Tensor from = Flat(start), to = Flat(one);
        Assert.InRange(((to - from).norm() / from.norm()).item<float>(), 2e-3, 1);
        Assert.InRange(((to - Flat(other)).norm() / to.norm()).item<float>(), 0, 1e-5);
    }

    private sealed record Document(string Text);
}
