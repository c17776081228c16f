using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Reports;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Training;

namespace Skipwise.Tests.Recipes;

public sealed class DemoTests
{
    private static readonly string s_shipped = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");

    [Fact]
    public void A_short_demo_of_the_shipped_model_leaves_everything_it_promises()
    {
        using var folder = new TempFolder();
        var options = new DemoOptions
        {
            Model = s_shipped,
            Out = folder["demo"],
            ExtensionFactor = 2,
            LengthMultiples = [1, 2],
            Documents = 2,
            Trials = 4,
            TrainingDocuments = 64,
            Training = new TrainOptions { Steps = 3, BatchSize = 4, LearningRate = 1e-3 },
        };
        DemoResults results = Demo.Run(options, new DemoProgress(), CancellationToken.None);

        Assert.Equal((128, 256), (results.TrainLength, results.TargetLength));
        Assert.InRange(results.LongestTrainingWindow!.Value, 2, 128);
        (string, int)[] expected = [.. DemoVariant.All.SelectMany(variant => new[] { (variant, 128), (variant, 256) })];
        Assert.Equal(expected, results.Perplexity.Select(p => (p.Variant, p.Length)));
        Assert.Equal(expected, results.Passkey.Select(p => (p.Variant, p.Length)));
        // the base knows its own window
        Assert.Equal(4, results.Passkey.Single(p => p is { Variant: DemoVariant.Base, Length: 128 }).Correct);
        Assert.All(results.Training!.Values, losses => Assert.Equal(3, losses.Count));
        PublishedSchema.Validate("demo", EvaluationJson.ToIndentedJson(results)); // which is what `demo --json` prints
        Assert.Equal(results.Perplexity, DemoResults.Read(Path.Combine(options.Out, Demo.ResultsName)).Perplexity);
        Assert.Equal(4 * 2 * 4, JsonLines.Read<DemoTrial>(Path.Combine(options.Out, Demo.TrialsName)).Count);
        Assert.Contains("<html", File.ReadAllText(Path.Combine(options.Out, Demo.ReportName)));
        using PretrainedModel extended = PretrainedModel.Load(new ModelSource(Demo.ModelFolder(options)));
        Assert.True(extended.Model.Config.MaxPositionEmbeddings >= 256);
    }

    [Fact]
    public void A_stopped_demo_reports_nothing()
    {
        using var folder = new TempFolder();
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() =>
            Demo.Run(new DemoOptions { Model = s_shipped, Out = folder["demo"] }, new DemoProgress(), stop.Token));
        Assert.False(File.Exists(Path.Combine(folder["demo"], Demo.ResultsName)));
    }

    [Fact]
    public void A_demo_stops_within_a_step()
    {
        using var folder = new TempFolder();
        using var stop = new CancellationTokenSource();
        var options = new DemoOptions
        {
            Model = s_shipped,
            Out = folder["demo"],
            ExtensionFactor = 2,
            LengthMultiples = [1],
            Documents = 1,
            Trials = 1,
            TrainingDocuments = 8,
            Training = new TrainOptions { Steps = 3, BatchSize = 1, LearningRate = 1e-3 },
        };
        var steps = new List<int>();
        var progress = new DemoProgress
        {
            Training = new SynchronousProgress<StepMetrics>(step =>
            {
                steps.Add(step.Step);
                stop.Cancel();
            }),
        };
        Assert.Throws<OperationCanceledException>(() => Demo.Run(options, progress, stop.Token));
        Assert.Equal([1], steps);
    }
}
