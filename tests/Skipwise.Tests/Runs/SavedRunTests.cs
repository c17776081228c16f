using System.Text.Json.Nodes;
using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Tests.Cli;
using Skipwise.Training;

namespace Skipwise.Tests.Runs;

/// <summary>
/// What lies in a run's folder while it runs and after it ended in one way or another: nothing of a run is lost in silence, and nothing of
/// others at all.
/// </summary>
public sealed class SavedRunTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Metrics = "metrics.jsonl", Evaluations = "evaluations.jsonl", Weights = "model.safetensors",
        Progress = "progress.json";

    [Fact]
    public async Task A_log_that_lost_lines_is_told_of()
    {
        string[] settings = ["--eval-every", "1", "--eval-data", model.Text, "--eval-windows", "64", "--eval-documents", "1"];
        string folder = await Unfinished("short", settings);
        foreach (string log in (string[])[Metrics, Evaluations])
        {
            File.WriteAllLines(Path.Combine(folder, log), File.ReadAllLines(Path.Combine(folder, log))[..1]);
        }
        string error = (await Resume(folder, settings)).Succeeded().Error;
        Assert.Contains($"warning: {Path.Combine(folder, Metrics)}: holds 1 of the 4 lines that belong to the checkpoint of step 4", error);
        Assert.Contains($"warning: {Path.Combine(folder, Evaluations)}: holds 1 of the 4 lines", error);
        Assert.Equal([1, 5, 6], Steps(folder));
    }

    [Fact]
    public async Task A_damaged_checkpoint_is_named_and_the_one_before_it_taken()
    {
        string whole = model.Path("undisturbed"), folder = await Unfinished("damaged"),
            checkpoint = Path.Combine(folder, "checkpoints", "step-000004");
        (await Train(whole)).Succeeded();
        Flip(Path.Combine(checkpoint, "training.safetensors"));
        CliRun resumed = (await Resume(folder)).Succeeded();
        Assert.Contains($"warning: {Path.Combine(checkpoint, "training.safetensors")}: is damaged: expected ", resumed.Error);
        Assert.Contains($"It was renamed to {checkpoint}.damaged; the run goes on from the checkpoint before it", resumed.Error);
        Assert.True(File.Exists(Path.Combine(checkpoint + ".damaged", Weights)));
        Assert.Equal([1, 2, 3, 4, 5, 6], Steps(folder));
        Assert.Equal(File.ReadAllBytes(Path.Combine(whole, Weights)), File.ReadAllBytes(Path.Combine(folder, Weights)));
    }

    [Fact]
    public async Task Where_every_checkpoint_is_damaged_nothing_is_guessed()
    {
        string folder = await Unfinished("all-damaged");
        string[] checkpoints = [.. Directory.GetDirectories(Path.Combine(folder, "checkpoints")).Order()];
        Flip(Path.Combine(checkpoints[1], Progress));
        File.Delete(Path.Combine(checkpoints[0], Weights));
        (await Resume(folder)).Complained(Path.Combine(checkpoints[0], Weights), "is missing", "no checkpoint before");
        Assert.True(Directory.Exists(checkpoints[0]));
    }

    [Fact]
    public async Task A_checkpoint_keeps_what_the_guard_and_the_scaler_remember()
    {
        string[] settings = ["--dtype", "float16", "--keep-last", "9", "--save-every", "1", "--max-bad-steps", "9"];
        string whole = model.Path("remembering"), halves = model.Path("remembering-halves");
        (await Train(whole, settings)).Succeeded();
        Assert.Equal(130, (await CliRun.StoppedAfterItsFirstStep(Words(halves, settings))).Code);
        (await Resume(halves, settings)).Succeeded();
        for (int step = 1; step < 6; step++)
        {
            string progress = Path.Combine("checkpoints", $"step-{step:D6}", Progress),
                expected = File.ReadAllText(Path.Combine(whole, progress));
            Assert.Equal(expected, File.ReadAllText(Path.Combine(halves, progress)));
            JsonNode state = JsonNode.Parse(expected)!;
            Assert.Equal(step, state["Guard"]!["RecentLosses"]!.AsArray().Count);
            Assert.Equal((step, 4096.0), ((int)state["Scaler"]!["GrowthTracker"]!, (double)state["Scaler"]!["Scale"]!));
        }
    }

    [Fact]
    public async Task The_newest_checkpoints_are_kept_and_a_users_file_in_an_old_one()
    {
        string folder = model.Path("kept");
        (await Train(folder, "--save-every", "1", "--keep-last", "3")).Succeeded();
        string checkpoints = Path.Combine(folder, "checkpoints");
        Assert.Equal(["step-000003", "step-000004", "step-000005"], Names(checkpoints));

        folder = await Unfinished("kept-notes");
        checkpoints = Path.Combine(folder, "checkpoints");
        File.WriteAllText(Path.Combine(checkpoints, "step-000002", "notes.txt"), "mine");
        (await Resume(folder, "--save-every", "1", "--keep-last", "2")).Succeeded();
        Assert.Equal(["step-000002", "step-000004", "step-000005"], Names(checkpoints));
        Assert.Equal(["notes.txt"], Names(Path.Combine(checkpoints, "step-000002")));
    }

    [Fact]
    public async Task An_old_checkpoint_that_cannot_be_deleted_is_a_warning()
    {
        string folder = model.Path("undeletable");
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "move" && at.EndsWith("step-000002", StringComparison.Ordinal))
            {
                throw new UnauthorizedAccessException("Permission denied");
            }
        };
        CliRun run = (await Train(folder, "--save-every", "2", "--keep-last", "1")).Succeeded();
        FileSystem.Before.Value = null;
        Assert.Contains("step-000002: the old checkpoint cannot be deleted: Permission denied", run.Error);
        Assert.Equal(["step-000002", "step-000004"], Names(Path.Combine(folder, "checkpoints")));
    }

    /// <summary>A log that is not on the disk before the checkpoint that counts its lines may be short after a power failure.</summary>
    [Fact]
    public async Task Logs_reach_the_disk_before_the_checkpoint()
    {
        var steps = new List<string>();
        string folder = model.Path("order");
        FileSystem.Before.Value = (step, at) =>
        {
            bool isLog = step == "sync" && Path.GetFileName(at) is Metrics or Evaluations;
            if (isLog || (step == "create" && at.Contains("step-000002.", StringComparison.Ordinal)))
            {
                steps.Add(isLog ? Path.GetFileName(at) : step);
            }
        };
        (await Train(folder, "--save-every", "2", "--steps", "3", "--eval-every", "2", "--eval-data", model.Text, "--eval-windows", "64",
            "--eval-documents", "1")).Succeeded();
        FileSystem.Before.Value = null;
        Assert.Equal([Metrics, Evaluations, "create"], steps.Take(3));
        Assert.Equal([Metrics, Evaluations], steps.TakeLast(2)); // and at the end
    }

    [Fact]
    public async Task The_best_model_is_saved_from_the_float32_weights()
    {
        string folder = model.Path("best-of-one");
        string[] settings = ["--eval-every", "1", "--eval-data", model.Text, "--eval-windows", "64", "--eval-documents", "1"];
        (await Train(folder, [.. settings, "--steps", "1", "--dtype", "bfloat16"])).Succeeded();
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, Weights)), File.ReadAllBytes(Path.Combine(folder, "best", Weights)));
    }

    [Theory]
    [InlineData("2")] // the checkpoint's own step is measured too, and not again
    [InlineData("3")]
    public async Task Measurements_after_the_checkpoint_are_dropped_and_made_again(string every)
    {
        string[] settings = ["--eval-every", every, "--eval-data", model.Text, "--eval-windows", "64", "--eval-documents", "1"];
        string whole = model.Path("measured-whole-" + every), folder = await Unfinished("measured-" + every, settings);
        (await Train(whole, settings)).Succeeded();
        File.AppendAllText(Path.Combine(folder, Evaluations),
            """{"step":6,"task":"perplexity","metric":"perplexity","length":64,"value":0.5}""" + "\n");
        CliRun resumed = (await Resume(folder, settings)).Succeeded();
        Assert.DoesNotContain("lines that belong to", resumed.Error); // none is missing
        Assert.Equal(File.ReadAllText(Path.Combine(whole, Evaluations)), File.ReadAllText(Path.Combine(folder, Evaluations)));
    }

    [Fact]
    public async Task A_resumed_run_knows_its_best_model()
    {
        string[] settings = ["--eval-every", "2", "--eval-data", model.Text, "--eval-windows", "64", "--eval-documents", "1"];
        string folder = await Unfinished("best-before", settings), log = Path.Combine(folder, Evaluations);
        IReadOnlyList<EvaluationPoint> points = JsonLines.Read<EvaluationPoint>(log);
        JsonLines.Write(log, points.Select(point => point.Step == 2 ? point with { Value = 0.5 } : point)); // none after it is as good
        byte[] best = File.ReadAllBytes(Path.Combine(folder, "best", Weights));
        CliRun resumed = (await Resume(folder, settings)).Succeeded();
        Assert.Contains("the best checkpoint is the one after step 2", resumed.Error);
        Assert.Equal(best, File.ReadAllBytes(Path.Combine(folder, "best", Weights)));
    }

    [Fact]
    public async Task A_run_that_fails_on_its_way_keeps_its_text()
    {
        string folder = model.Path("diverged");
        (await Train(folder, "--learning-rate", "1e30", "--warmup-steps", "0", "--max-bad-steps", "1", "--save-every", "1"))
            .Complained("diverged");
        Assert.True(File.Exists(Path.Combine(folder, "data.tokens"))); // it can be resumed from its checkpoint
    }

    [Fact]
    public void Checkpoints_are_in_the_order_of_their_steps()
    {
        using var temp = new TempFolder();
        string[] steps = ["step-000100", "step-999999", "step-1000000"];
        foreach (string step in steps)
        {
            temp.Write($"run/checkpoints/{step}/progress.json", "{}");
        }
        Assert.Equal(steps, new RunFolder(temp["run"]).Checkpoints().Select(folder => Path.GetFileName(folder)));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public async Task Text_that_changed_before_the_run_began_is_tokenised_again(bool resumes)
    {
        string text = model.Path($"changing-{resumes}.jsonl"), folder = model.Path($"changing-{resumes}");
        File.WriteAllLines(text, File.ReadAllLines(model.Text)[..2]);
        Directory.CreateDirectory(folder);
        // as an earlier start left it
        (await CliRun.Of("prepare", "--model", model.Folder, "--data", text, "--out", Path.Combine(folder, "data.tokens"))).Succeeded();
        File.WriteAllLines(text, File.ReadAllLines(model.Text)[2..]);
        IEnumerable<string> words = Words(folder, "--steps", "1").Select(word => word == model.Text ? text : word);
        CliRun run = (await CliRun.Of([.. words, .. resumes ? (string[])["--resume"] : []])).Succeeded();
        Assert.Contains("data: 4 documents", run.Error);
    }

    [Fact]
    public void A_fresh_start_ends_the_earlier_run_and_finishing_removes_its_shards_and_nobody_elses()
    {
        using var temp = new TempFolder();
        var run = new RunFolder(temp["run"]);
        using IDisposable claim = run.Lock();
        temp.Write("run/run.json", "{}");
        temp.Write("run/model-00001-of-00002.safetensors", "mine"); // of a user: before the model came
        var notes = new List<string>();
        var note = new SynchronousProgress<string>(notes.Add);
        run.Finish(new Files("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "config.json"), note);
        Assert.Contains("model-00001-of-00002.safetensors.kept", Assert.Single(notes));
        temp.Write("run/results.bin", "mine too");
        temp.Write("run/evaluations.jsonl", "");
        AtomicFolder.Write(run.BestPath, "best model", inner => AtomicFile.WriteText(Path.Combine(inner, Weights), "best"));
        Assert.True(run.IsFinished);

        run.Clear();
        Assert.False(run.IsFinished);
        Assert.Equal(["model-00001-of-00002.safetensors.kept", "results.bin", "run.json", "run.lock"], Names(run.Path));

        run.Finish(new Files("one.safetensors", "config.json"));
        run.Finish(new Files("two.safetensors", "config.json"));
        string[] others = ["model-00001-of-00002.safetensors.kept", "results.bin", "run.json", "run.lock"];
        Assert.Equal(["config.json", .. others, "skipwise.json", "two.safetensors"], Names(run.Path));

        run.Delete(); // only what is its own, and so the folder stays
        Assert.Equal(["model-00001-of-00002.safetensors.kept", "results.bin", "run.lock"], Names(run.Path));
    }

    /// <summary>
    /// The process dies before any step of finishing: no folder that seems finished and is not; the next end of the run is the same.
    /// </summary>
    [Fact]
    public void A_run_that_dies_while_it_finishes_is_unfinished_or_whole()
    {
        using var temp = new TempFolder();
        int steps = 0;
        for (bool died = true; died; steps++)
        {
            var run = new RunFolder(temp[$"{steps}"]);
            Directory.CreateDirectory(run.Path);
            run.Finish(new Files("old-1.safetensors", "old-2.safetensors", "config.json"));
            int left = steps;
            FileSystem.Before.Value = (_, _) =>
            {
                if (left-- <= 0)
                {
                    throw new InvalidOperationException("dead");
                }
            };
            died = Record.Exception(() => run.Finish(new Files("new.safetensors", "config.json"))) is not null;
            FileSystem.Before.Value = null;
            if (run.IsFinished)
            {
                Assert.Null(FolderManifest.Find(run.Path)!.Damage(run.Path));
            }
            run.Lock().Dispose();
            run.Finish(new Files("new.safetensors", "config.json"));
            Assert.Equal(["config.json", "new.safetensors", "skipwise.json"], Names(run.Path));
        }
        Assert.InRange(steps, 12, 60);
    }

    [Fact]
    public async Task Two_runs_on_one_folder_are_one_too_many()
    {
        string folder = model.Path("shared");
        using (FolderClaim other = FolderClaim.Acquire(folder)) // as a process that has just begun
        {
            (await Train(folder)).Complained(folder, "another process works in this folder", "--out");
            Assert.Equal(["run.lock"], Names(folder));
        }
        Assert.False(Directory.Exists(folder)); // it left nothing there
        (await Train(folder)).Succeeded();
    }

    [Fact]
    public async Task A_failed_start_removes_what_it_made_and_no_more()
    {
        string brief = model.Path("brief.txt"), mine = Directory.CreateDirectory(model.Path("empty-but-mine")).FullName,
            made = model.Path("made");
        await File.WriteAllTextAsync(brief, "One short sentence.");
        (await CliRun.Of([.. Words(mine).Select(word => word == model.Text ? brief : word)])).Complained("--min-document-tokens");
        Assert.Empty(Directory.GetFileSystemEntries(mine));
        FileSystem.Before.Value = (step, at) =>
        {
            if (step == "sync" && at.Contains("data.tokens", StringComparison.Ordinal))
            {
                File.WriteAllText(Path.Combine(made, "notes.txt"), "mine"); // somebody puts a file there meanwhile
            }
        };
        (await CliRun.Of([.. Words(made).Select(word => word == model.Text ? brief : word)])).Complained("--min-document-tokens");
        FileSystem.Before.Value = null;
        Assert.Equal(["notes.txt"], Names(made));
    }

    [Fact]
    public async Task Pretraining_and_the_demo_touch_no_folder_of_others()
    {
        string made = model.Path("small"), tokenizer = Directory.CreateDirectory(made + "-lists-tokenizer").FullName;
        File.WriteAllText(Path.Combine(tokenizer, "tokenizer.json"), "mine");
        string[] pretrain =
        [
            "pretrain", "--out", made, "--steps", "1", "--list-steps", "1", "--documents", "40", "--vocab-size", "300",
            "--hidden-size", "24", "--layers", "1", "--batch-size", "2",
        ];
        (await CliRun.Of(pretrain)).Complained("-lists-tokenizer", "Skipwise did not write it");
        Assert.Equal("mine", File.ReadAllText(Path.Combine(tokenizer, "tokenizer.json")));
        Assert.False(Directory.Exists(made));
        Directory.Delete(tokenizer, recursive: true);
        (await CliRun.Of(pretrain)).Succeeded();
        Assert.True(File.Exists(Path.Combine(made, "tokenizer.json")));
        Assert.False(Directory.Exists(tokenizer) || Directory.Exists(made + "-lists"));
        Directory.CreateDirectory(made + "-lists"); // a process that is killed at its end leaves it
        File.Copy(Path.Combine(made, "run.json"), Path.Combine(made + "-lists", "run.json"));
        File.Copy(Path.Combine(made, "contract.json"), Path.Combine(made + "-lists", "contract.json"));
        (await CliRun.Of([.. pretrain, "--resume"])).Succeeded();
        Assert.False(Directory.Exists(made + "-lists"));

        string runs = model.Path("runs");
        (await Train(Path.Combine(runs, "pose"), "--steps", "1")).Succeeded(); // the name that one of the demo's own runs has
        (await CliRun.Of("demo", "--out", runs)).Complained(runs, "Skipwise did not write it");
        Assert.True(File.Exists(Path.Combine(runs, "pose", Weights)));
    }

    /// <summary>A run of six steps that has checkpoints of steps 2 and 4, ended while it did the fifth.</summary>
    private async Task<string> Unfinished(string name, params string[] more)
    {
        string folder = model.Path(name);
        (await Train(folder, [.. more, "--save-every", "2"])).Succeeded();
        File.Delete(Path.Combine(folder, "config.json"));
        return folder;
    }

    private Task<CliRun> Train(string folder, params string[] more) => CliRun.Of(Words(folder, more));

    private Task<CliRun> Resume(string folder, params string[] more) => CliRun.Of([.. Words(folder, more), "--resume"]);

    private string[] Words(string folder, params string[] more) =>
    [
        "train", "--model", model.Folder, "--data", model.Text, "--target-length", "256", "--out", folder, "--batch-size", "2",
        "--threads", "1", .. more, .. more.Contains("--steps") ? [] : (string[])["--steps", "6"],
        .. more.Contains("--save-every") ? [] : (string[])["--save-every", "0"],
    ];

    private static int[] Steps(string folder) =>
        [.. JsonLines.Read<StepMetrics>(Path.Combine(folder, Metrics)).Select(metrics => metrics.Step)];

    private static string[] Names(string folder) =>
        [.. Directory.GetFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!).Order(StringComparer.Ordinal)];

    private static void Flip(string file)
    {
        byte[] bytes = File.ReadAllBytes(file);
        bytes[^1] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    /// <summary>Something whose folder holds files of these names.</summary>
    private sealed class Files(params string[] names) : ITrainable
    {
        public CausalLM Model => throw new NotSupportedException();
        public bool SavingLosesPrecision => false;

        public void WriteFiles(string folder)
        {
            foreach (string name in names)
            {
                AtomicFile.WriteText(Path.Combine(folder, name), name);
            }
        }

        public void ReadWeights(string folder) => throw new NotSupportedException();
    }
}
