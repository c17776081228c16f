using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Reproduction;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Tests.Distributed;
using Skipwise.Training;

namespace Skipwise.Tests.Reproduction;

/// <summary>Whole experiments on a base that knows nothing.</summary>
public sealed class ReproduceTests(TinyBase start) : IClassFixture<TinyBase>
{
    /// <summary>Files that differ from run to run: times, and what belongs to a process.</summary>
    private static readonly string[] s_ofTheRun = ["times.jsonl", "metrics.jsonl", "run.lock"];

    public static TheoryData<string> Names => [.. Reproduce.All.Select(experiment => experiment.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_tiny_experiment_leaves_everything_and_a_second_run_the_same_bytes(string name)
    {
        ReproductionOptions options = Options($"tiny-{name}") with { Experiments = [name] };
        ReproductionResult result = Assert.Single(Reproduce.Run(options, new(), CancellationToken.None));
        Assert.Equal((name, "tiny", name == "demo" ? 3 : 2), (result.Name, result.Scale, result.Seeds));
        Assert.NotEmpty(result.Tables);
        Assert.NotEmpty(result.Verdicts);
        Assert.NotEmpty(result.Plots);
        Assert.All(result.Verdicts, verdict => Assert.NotEmpty(verdict.Numbers));
        Assert.All(result.Paper?.Rows ?? [], row => Assert.Equal(result.Paper!.Columns.Count, row.Values.Count + 1));
        Assert.All(result.Tables, table => Assert.All(table.Rows, row => Assert.Equal(table.Columns.Count, row.Cells.Count)));
        string[] written = [.. Directory.EnumerateFiles(Path.Combine(options.Out, name), "*", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(Path.Combine(options.Out, name), file))];
        Assert.Empty(((string[])["report.html", "report.md", "results.json", "raw.jsonl"]).Except(written));
        Assert.Contains(written, file => file.EndsWith(".png", StringComparison.Ordinal));
        string report = File.ReadAllText(Path.Combine(options.Out, Reproduce.ReportName));
        Assert.Contains(result.Title, report);
        Assert.Contains(name switch
        {
            "fig5" => "Nothing is trained",
            "demo" => "3 seeds of every fine-tune",
            _ => "2 seeds of every fine-tune",
        }, report);
        Assert.All(result.Verdicts, verdict => Assert.DoesNotMatch("[0-9][eE][+-]?[0-9]", verdict.Measured()));

        PublishedSchema.Validate("reproduce", EvaluationJson.ToIndentedJson((IReadOnlyList<ReproductionResult>)[result]));

        Dictionary<string, byte[]> before = Files(options.Out);
        var trained = new List<int>();
        var jobs = new List<ComparisonProgress>();
        Reproduce.Run(options, new()
        {
            Training = steps => new SynchronousProgress<StepMetrics>(_ => trained.Add(steps)),
            Job = new SynchronousProgress<ComparisonProgress>(jobs.Add),
        }, CancellationToken.None);
        Assert.Empty(trained);
        Assert.All(jobs, job => Assert.True(job.IsKept));
        Assert.Equal(before, Files(options.Out));
    }

    [Fact]
    public void Experiments_share_models_and_one_report()
    {
        ReproductionOptions options = Options("shared");
        Reproduce.Run(options with { Experiments = ["table1"] }, new(), CancellationToken.None);
        var stages = new List<string>();
        Reproduce.Run(options with { Experiments = ["fig2"] }, new() { Stage = new SynchronousProgress<string>(stages.Add) },
            CancellationToken.None);
        Assert.DoesNotContain(stages, stage => stage.StartsWith("training", StringComparison.Ordinal)); // table1 has them
        string report = File.ReadAllText(Path.Combine(options.Out, Reproduce.ReportName));
        Assert.Contains("Table 1:", report);
        Assert.Contains("Figure 2:", report);
        // at another scale table1 is not there yet
        Reproduce.Run(options with { Experiments = ["fig2"], Seeds = 1, Scale = TinyBase.Scale with { Documents = 3 } }, new(),
            CancellationToken.None);
        report = File.ReadAllText(Path.Combine(options.Out, Reproduce.ReportName));
        Assert.DoesNotContain("Table 1:", report);
        Assert.Contains("ONE seed", report);
    }

    /// <summary>The common report has what the experiments' folders have: no benchmarks are left out of it silently.</summary>
    [Fact]
    public void Benchmarks_are_measured_told_and_kept()
    {
        ReproductionOptions options = Options("benchmarks") with
        {
            Experiments = ["table3"],
            Benchmarks = TinyBenchmarks.Write(start.PathOf("files")),
            Seeds = 1,
        };
        ReproductionResult result = Assert.Single(Reproduce.Run(options, new(), CancellationToken.None));
        NumberTable scores = Assert.Single(result.Tables, table => table.Samples == "questions");
        Assert.Equal(ReproductionContext.BenchmarkTasks, scores.Columns);
        Assert.Equal(10, scores.Rows.Count);
        Assert.All(scores.Rows.SelectMany(row => row.Cells), cell => Assert.Equal(TinyBase.Scale.BenchmarkLimit, cell!.Samples));
        Assert.Equal(12, Assert.Single(result.Verdicts, verdict => verdict.Claim.Statement.Contains("benchmark")).Numbers.Count);
        PublishedSchema.Validate("reproduce", EvaluationJson.ToIndentedJson((IReadOnlyList<ReproductionResult>)[result]));
        Dictionary<string, byte[]> before = Files(options.Out);
        Reproduce.Run(options, new(), CancellationToken.None);
        Assert.Equal(before, Files(options.Out));

        // without them, table 3 is another result: it is not told as that of its folder, until it is asked for
        string Report() => File.ReadAllText(Path.Combine(options.Out, Reproduce.ReportName));
        Reproduce.Run(options with { Experiments = ["fig5"], Benchmarks = null }, new(), CancellationToken.None);
        Assert.DoesNotContain("Table 3:", Report());
        Assert.Contains("hellaswag", File.ReadAllText(Path.Combine(options.Out, "table3", Reproduce.ReportName)));
        Reproduce.Run(options with { Benchmarks = null }, new(), CancellationToken.None);
        Assert.Contains("Table 3:", Report());
        Assert.DoesNotContain("hellaswag", Report());
    }

    [Fact]
    public void A_stopped_run_continues_and_gives_the_same_bytes()
    {
        ReproductionOptions whole = Options("whole") with { Experiments = ["fig2"] },
            stopped = whole with { Out = start.PathOf("stopped") };
        Reproduce.Run(whole, new(), CancellationToken.None);
        int stops = 0;
        while (true)
        {
            using var stop = new CancellationTokenSource();
            var progress = new ReproductionProgress
            {
                // after the first step of a training, so that it has one left
                Training = _ => new SynchronousProgress<StepMetrics>(step => { if (step.Step == 1) { stop.Cancel(); } }),
            };
            try
            {
                Reproduce.Run(stopped, progress, stop.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                stops++;
                Assert.False(File.Exists(Path.Combine(stopped.Out, Reproduce.ReportName)));
            }
        }
        Assert.Equal(3 * TinyBase.Scale.Seeds, stops); // every training once
        Dictionary<string, byte[]> expected = Files(whole.Out), found = Files(stopped.Out);
        // the options in a run's folder have the path of the folder
        Assert.Equal(expected.Where(file => !file.Key.EndsWith("run.json", StringComparison.Ordinal)),
            found.Where(file => !file.Key.EndsWith("run.json", StringComparison.Ordinal)));
    }

    /// <summary>Three seeds of several models on one shared base, on ranks that are threads: the files are those of one process.</summary>
    [Theory]
    [InlineData(2), InlineData(3)]
    public void Ranks_divide_the_models_and_give_the_same_bytes(int count)
    {
        ReproductionOptions alone = Options($"alone-{count}") with { Experiments = ["fig2", "scalings"] },
            together = alone with { Out = start.PathOf($"together-{count}") };
        var stagesAlone = new List<string>();
        IReadOnlyList<ReproductionResult> one = Reproduce.Run(
            alone, new() { Stage = new SynchronousProgress<string>(stagesAlone.Add) }, CancellationToken.None);
        string[][] stages = new string[count][];
        IReadOnlyList<ReproductionResult>[] several = ThreadRanks.Run(count, ranks =>
        {
            var own = new List<string>();
            IReadOnlyList<ReproductionResult> results = Reproduce.Run(
                together, new() { Stage = new SynchronousProgress<string>(own.Add) }, CancellationToken.None, ranks);
            stages[ranks.Rank] = [.. own];
            return results;
        });
        Assert.Equal(EvaluationJson.ToIndentedJson(one), EvaluationJson.ToIndentedJson(several[0]));
        Assert.All(several[1..], Assert.Empty);
        Assert.All(stages, own => Assert.Contains(own, stage => stage.StartsWith("training", StringComparison.Ordinal)));
        // each work once
        Assert.Equal(stagesAlone.Order(StringComparer.Ordinal), stages.SelectMany(own => own).Order(StringComparer.Ordinal));
        // the options in a run's folder have the path of the folder
        Assert.Equal(Files(alone.Out).Where(file => !file.Key.EndsWith("run.json", StringComparison.Ordinal)),
            Files(together.Out).Where(file => !file.Key.EndsWith("run.json", StringComparison.Ordinal)));
        string[] Timed(string folder) =>
            [.. JsonLines.Read<WorkTime>(Path.Combine(folder, "times.jsonl")).Select(time => time.What).Order(StringComparer.Ordinal)];
        Assert.Equal(Timed(alone.Out), Timed(together.Out));
    }

    /// <summary>What one rank cannot do ends the work of all with its error.</summary>
    [Fact]
    public void An_error_of_one_rank_is_that_of_all()
    {
        ReproductionOptions options = Options("failing") with { Experiments = ["fig2"] };
        string?[] told = ThreadRanks.Run(2, ranks =>
        {
            int trainings = 0;
            return Record.Exception(() => Reproduce.Run(options, new()
            {
                Training = _ => ranks.Rank == 1 && ++trainings == 2 ? throw new SkipwiseException("the disk of rank 1") : null!,
            }, CancellationToken.None, ranks))?.Message;
        });
        Assert.All(told, message => Assert.Equal("the disk of rank 1", message));
        Assert.False(File.Exists(Path.Combine(options.Out, Reproduce.ReportName)));
    }

    [Fact]
    public void Ranks_that_are_asked_for_other_experiments_are_refused()
    {
        string?[] told = ThreadRanks.Run(2, ranks => Record.Exception(() => Reproduce.Run(
            Options("unlike") with { Experiments = ["fig2"], Seeds = 1 + ranks.Rank }, new(), CancellationToken.None, ranks))?.Message);
        Assert.All(told, message =>
            Assert.StartsWith("the experiments, their scale or the base model differ from those of rank 0", message));
    }

    [Fact]
    public void A_damaged_model_is_trained_again()
    {
        ReproductionOptions options = Options("damaged") with { Experiments = ["fig2"], Seeds = 1 };
        Reproduce.Run(options, new(), CancellationToken.None);
        Dictionary<string, byte[]> before = Files(options.Out);
        string weights = Directory
            .EnumerateFiles(Path.Combine(options.Out, "models"), "model.safetensors", SearchOption.AllDirectories).First();
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        // measured anew, so that the model is needed
        Directory.Delete(Path.Combine(options.Out, "measurements"), recursive: true);
        Reproduce.Run(options, new(), CancellationToken.None);
        Dictionary<string, byte[]> after = Files(options.Out);
        Assert.True(after.Remove(Path.GetRelativePath(options.Out, weights) + ".kept")); // who knows who changed it
        Assert.Equal(before, after);
    }

    [Fact]
    public void What_cannot_be_done_is_told_before_any_work()
    {
        Assert.Contains("table9: no such experiment. There are table1, ", Assert.Throws<SkipwiseException>(() =>
            Reproduce.Run(Options("unknown") with { Experiments = ["table9"] }, new(), CancellationToken.None)).Message);
        Assert.Contains("none of fig2, fig5 runs benchmarks, table3 does", Assert.Throws<SkipwiseException>(() => Reproduce.Run(
            Options("idle") with { Experiments = ["fig5", "fig2"], Benchmarks = start.Folder }, new(), CancellationToken.None)).Message);
        Assert.Contains("nowhere: no such folder. Name the folder with the files of boolq, ", Assert.Throws<SkipwiseException>(() =>
            Reproduce.Run(Options("nowhere") with { Benchmarks = start.PathOf("nowhere") }, new(), CancellationToken.None)).Message);
        Assert.Contains("no validation split of boolq", Assert.Throws<SkipwiseException>(() =>
            Reproduce.Run(Options("nothing") with { Benchmarks = start.Folder }, new(), CancellationToken.None)).Message);
        Assert.False(Directory.Exists(start.PathOf("nothing")));
        Directory.CreateDirectory(start.PathOf("foreign"));
        File.WriteAllText(start.PathOf("foreign/mine.txt"), "mine");
        Assert.Contains("Skipwise did not write it", Assert.Throws<SkipwiseException>(() =>
            Reproduce.Run(Options("foreign"), new(), CancellationToken.None)).Message);
    }

    private ReproductionOptions Options(string name) => new() { Base = start.Folder, Out = start.PathOf(name), Scale = TinyBase.Scale };

    private static Dictionary<string, byte[]> Files(string folder) => Directory
        .EnumerateFiles(folder, "*", SearchOption.AllDirectories)
        .Where(file => !s_ofTheRun.Contains(Path.GetFileName(file)))
        .OrderBy(file => file, StringComparer.Ordinal)
        .ToDictionary(file => Path.GetRelativePath(folder, file), File.ReadAllBytes);
}
