using System.Diagnostics;
using Skipwise.Evaluation.Results;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests.Distributed;

/// <summary>Evaluations by the tool under a real mpirun, against the same command without it.</summary>
public sealed class MpiEvaluationTests(SmallModel model) : IClassFixture<SmallModel>
{
    private static readonly string? s_launcher =
        new[] { "mpirun.openmpi", "mpirun.mpich", "mpirun" }.FirstOrDefault(name => (Environment.GetEnvironmentVariable("PATH") ?? "")
            .Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, name))));

    [Fact]
    public void Three_ranks_write_what_one_process_writes()
    {
        Assert.SkipWhen(s_launcher is null, "no mpirun");
        string[] Line(string name) => ["eval", "perplexity", "--model", model.Folder, "--data", model.Text, "--lengths", "64,32",
            "--stride", "16", "--threads", "1", "--json", model.Path(name)];
        Succeeded(ToolProcess.Run(Line("alone.json")));
        Succeeded(ChildProcess.Run(Launch(3, Line("together.json"))));
        Assert.Equal(File.ReadAllText(model.Path("alone.json")), File.ReadAllText(model.Path("together.json")));
    }

    [Fact]
    public void All_evaluations_of_a_comparison()
    {
        Assert.SkipWhen(s_launcher is null, "no mpirun");
        string[] Line(string name) => ["eval", "all", "--model", model.Folder, "--model", $"{model.Folder},rope=yarn,rope-factor=2",
            "--data", model.Text, "--lengths", "64,160", "--depths", "2", "--trials", "2", "--needle-trials", "1", "--threads", "1",
            "--out", model.Path(name)];
        Succeeded(ToolProcess.Run(Line("alone")));
        (int _, string output, string _) = Succeeded(ChildProcess.Run(Launch(2, Line("together"))));
        Assert.Single(output.Split("report.html")[1..]); // rank 0 alone tells
        foreach (string file in new[] { ResultsStore.ResultsName, ResultsStore.PlanName })
        {
            Assert.Equal(File.ReadAllText(Path.Combine(model.Path("alone"), file)),
                File.ReadAllText(Path.Combine(model.Path("together"), file)));
        }
        string[] Trials(string name) =>
            [.. Directory.GetFiles(Path.Combine(model.Path(name), ResultsStore.TrialsName)).Order().SelectMany(File.ReadAllLines)];
        Assert.NotEmpty(Trials("alone"));
        Assert.Equal(Trials("alone"), Trials("together"));
    }

    private static ProcessStartInfo Launch(int ranks, string[] line)
    {
        string[] more = s_launcher!.Contains("mpich", StringComparison.Ordinal) ? [] : ["--oversubscribe"];
        var start = new ProcessStartInfo(s_launcher, [.. more, "-n", $"{ranks}", "dotnet", ToolProcess.Path, .. line]);
        start.Environment["OMPI_ALLOW_RUN_AS_ROOT"] = start.Environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1";
        return start;
    }

    private static (int Code, string Output, string Error) Succeeded((int Code, string Output, string Error) run)
    {
        Assert.True(run.Code == 0, $"exit {run.Code}\n{run.Output}\n{run.Error}");
        return run;
    }
}
