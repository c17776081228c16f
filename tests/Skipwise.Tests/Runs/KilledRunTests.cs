using System.Diagnostics;
using Skipwise.Numerics;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Training;

namespace Skipwise.Tests.Runs;

/// <summary>
/// Processes that are killed (SIGKILL: nothing can be caught or tidied) while they train, measure and save, and are resumed until they
/// finish: losses, measurements and every byte of the finished folder are those of a run that nobody disturbed.
/// </summary>
public sealed class KilledRunTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const int Steps = 12;

    /// <summary>SKIPWISE_KILLS=20 kills as often; each time is a process of its own.</summary>
    private static int Kills => int.TryParse(Environment.GetEnvironmentVariable("SKIPWISE_KILLS"), out int kills) ? kills : 3;

    [Fact]
    public void A_run_that_is_killed_again_and_again_ends_in_the_same_bytes()
    {
        string whole = model.Path("whole"), killed = model.Path("killed");
        Finish(whole);
        int finished = 0;
        for (int kill = 0; kill < Kills && finished == 0; kill++)
        {
            // Some die while they save, some after so many more steps, some wherever they are.
            int lines = Lines(killed);
            ProcessStartInfo start = Command(killed, "--resume");
            (start.RedirectStandardError, start.RedirectStandardOutput) = (true, true);
            using Process run = Process.Start(start)!;
            var rng = new KeyedRandom(5, 0, (ulong)kill);
            int more = rng.Between(1, 2), spins = rng.Between(0, 20000);
            if (!SpinWait.SpinUntil(() => run.HasExited || Lines(killed) >= lines + more, ChildProcess.Limit))
            {
                run.Kill(entireProcessTree: true);
                Assert.Fail($"no step was logged within {ChildProcess.Limit.TotalMinutes} minutes");
            }
            if (kill % 2 == 0)
            {
                SpinWait.SpinUntil(() => run.HasExited || IsSaving(killed), 2000);
            }
            else
            {
                Thread.SpinWait(spins);
            }
            run.Kill();
            Assert.True(ChildProcess.End(run, ChildProcess.Limit), "a killed process does not end");
            finished = run.ExitCode == 0 ? 1 : 0;
        }
        Finish(killed, "--resume");
        AssertSame(whole, killed);
        Finish(killed, "--resume"); // nothing left to do
        AssertSame(whole, killed);
    }

    /// <summary>What each kind of death leaves behind, made by hand: the process cannot be made to die at these very points.</summary>
    [Fact]
    public async Task Half_written_things_are_cleared_away()
    {
        string whole = model.Path("whole-2"), killed = model.Path("killed-2");
        (await CliRun.Of(Arguments(whole))).Succeeded();
        Assert.Equal(130, (await CliRun.StoppedAfterItsFirstStep(Arguments(killed))).Code);
        string checkpoints = Path.Combine(killed, "checkpoints");
        Half(Path.Combine(checkpoints, "step-000002.0123abcd.incomplete")); // died while saving
        Half(Path.Combine(killed, "model.0123abcd.incomplete")); // died while saving the finished model, ...
        // ... of which only a part had been put in place
        File.Copy(Path.Combine(whole, "skipwise.json"), Path.Combine(killed, "skipwise.json"));
        File.Copy(Path.Combine(whole, "model.safetensors"), Path.Combine(killed, "model.safetensors"));
        Half(Path.Combine(killed, "best.0123abcd.incomplete"));
        Half(Path.Combine(checkpoints, "step-000000.0123abcd.replaced")); // died while deleting an old one
        File.WriteAllText(Path.Combine(checkpoints, "step-000000.0123abcd.replaced", "skipwise.json"),
            """{"kind":"checkpoint","files":{"config.json":{"bytes":1,"crc32c":"0"},"gone":{"bytes":1,"crc32c":"0"}}}""");
        // died between two renames
        Directory.Move(Path.Combine(checkpoints, "step-000001"), Path.Combine(checkpoints, "step-000001.0123abcd.replaced"));
        string log = Path.Combine(killed, "metrics.jsonl");
        StepMetrics later = Assert.Single(JsonLines.Read<StepMetrics>(log)) with { Step = 2 };
        using (MetricLog lines = MetricLog.Resume<StepMetrics>(log, _ => true))
        {
            lines.Append(later); // a step after the last checkpoint
        }
        File.AppendAllText(log, "{\"step\":3,\"lo"); // and one torn
        (await CliRun.Of([.. Arguments(killed), "--resume"])).Succeeded();
        AssertSame(whole, killed);
    }

    [Fact]
    public async Task A_run_that_died_before_its_first_step_begins_anew()
    {
        string folder = model.Path("early");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "data.tokens.0123abcd.incomplete"), "..."); // died while tokenising
        File.WriteAllText(Path.Combine(folder, "run.json.0123abcd.incomplete"), "{");
        File.WriteAllText(Path.Combine(folder, "run.lock"), ""); // its lock died with it
        (await CliRun.Of([.. Arguments(folder), "--resume"])).Succeeded();
        Assert.Empty(Directory.GetFiles(folder, "run.*").Select(Path.GetFileName).Except(["run.json", "run.yaml"]));
    }

    private string Store()
    {
        string store = model.Path("text.tokens");
        if (!File.Exists(store))
        {
            CliRun.Of("prepare", "--model", model.Folder, "--data", model.Text, "--out", store).GetAwaiter().GetResult().Succeeded();
        }
        return store;
    }

    private string[] Arguments(string folder) =>
    [
        "train", "--model", model.Folder, "--data", Store(), "--target-length", $"{4 * SmallModel.Window}", "--out", folder, "--steps",
        $"{Steps}", "--batch-size", "2",
        "--learning-rate", "1e-3", "--save-every", "1", "--eval-every", "4", "--eval-data", Store(), "--eval-windows", "64",
        "--eval-documents", "1", "--threads", "1",
    ];

    private ProcessStartInfo Command(string folder, params string[] more) =>
        new("dotnet", [Path.Combine(AppContext.BaseDirectory, "skipwise.dll"), .. Arguments(folder), .. more]);

    private void Finish(string folder, params string[] more)
    {
        (int code, _, string error) = ChildProcess.Run(Command(folder, more));
        Assert.True(code == 0, error);
    }

    private static int Lines(string folder)
    {
        try
        {
            using var stream = new FileStream(
                Path.Combine(folder, "metrics.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd().Count(c => c == '\n');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return 0; // a run that begins anew deletes what the killed one left
        }
    }

    private static bool IsSaving(string folder)
    {
        try
        {
            return Directory.EnumerateDirectories(Path.Combine(folder, "checkpoints"), $"*{AtomicFile.Suffix}").Any();
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
    }

    private static void Half(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), "{");
    }

    private static void AssertSame(string expected, string actual)
    {
        string[] Files(string folder) =>
            [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))
                .Order(StringComparer.Ordinal)];
        Assert.Equal(Files(expected), Files(actual));
        foreach (string file in Files(expected).Where(file => file is not ("metrics.jsonl" or "run.json" or "run.yaml")))
        {
            Assert.True(File.ReadAllBytes(Path.Combine(expected, file)).AsSpan()
                .SequenceEqual(File.ReadAllBytes(Path.Combine(actual, file))), file);
        }
        (int, double, double, double, double)[] Steps(string folder) =>
            [.. JsonLines.Read<StepMetrics>(Path.Combine(folder, "metrics.jsonl"))
                .Select(m => (m.Step, m.Loss, m.LearningRate, m.GradientNorm, m.Epoch))];
        Assert.Equal(KilledRunTests.Steps, Steps(expected).Length);
        Assert.Equal(Steps(expected), Steps(actual));
        Assert.Equal(Steps(expected).Length / 4, JsonLines.Read<EvaluationPoint>(Path.Combine(expected, "evaluations.jsonl")).Count);
    }
}
