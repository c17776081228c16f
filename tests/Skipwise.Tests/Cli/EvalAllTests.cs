using System.Text;
using Skipwise.Documents;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Results;
using Skipwise.Recipes;
using Skipwise.Reports.Comparing;

namespace Skipwise.Tests.Cli;

/// <summary>Models side by side: measured once, reported often, judged by exit code.</summary>
public class EvalAllTests(SmallModel model) : IClassFixture<SmallModel>
{
    [Fact]
    public async Task Two_models_become_one_table_one_report_and_one_list()
    {
        string other = Other("other"), folder = model.Path("compared"), json = model.Path("all.json");
        CliRun run = (await CliRun.Of(Command(folder, other, "--json", json))).Succeeded();
        Assert.Matches(@"perplexity at 64 +[\d.]+±", run.Output);
        Assert.Matches(@"passkey at 128 +\d", run.Output);
        Assert.Matches(@"effective length +0 \(0-\d+\)", run.Output);
        Assert.Matches(@"perplexity increase at 64 +[+-]?\d+\.\d %", run.Output);
        IReadOnlyList<EvaluationRecord> records = EvaluationJson.Read(json);
        Assert.Equal(["model", "other"], records.Select(record => record.Model).Distinct());
        Assert.Equal(2 * 2, records.Count(record => record is { Task: "perplexity", Metric: "perplexity" }));
        Assert.Equal(["comparison.json", "report-plots", "report.html", "report.jsonl", "report.md", "report.skipwise.json",
            "results.jsonl", "samples", "trials"], Directory.EnumerateFileSystemEntries(folder).Select(Path.GetFileName).Order());

        string[] firstWords =
            [.. File.ReadAllLines(Directory.GetFiles(Path.Combine(folder, "trials"))[0]).Select(line => line.Split(':')[0])];
        Assert.Equal(["{\"length\"", "{\"length\"", "{\"length\""], firstWords); // three prompts

        string page = model.Path("again.html");
        CliRun again = (await CliRun.Of("report", "--from", folder, "--out", page)).Succeeded();
        Assert.Equal(File.ReadAllText(Path.Combine(folder, "report.html")), File.ReadAllText(page));
        Assert.Equal(run.Output.Split("report  ")[0], again.Output.Split("report  ")[0]);
    }

    [Theory]
    [InlineData("--min-passkey", "0", 0, "gate --min-passkey 0: passed: other")]
    [InlineData("--min-passkey", "0.9", 3, "gate --min-passkey 0.9: FAILED: other: 0.00 at 128 tokens")]
    [InlineData("--max-short-ppl-increase", "1000", 0, "gate --max-short-ppl-increase 1000: passed: other")]
    [InlineData("--max-short-ppl-increase", "-1", 3, "gate --max-short-ppl-increase -1: FAILED")]
    [InlineData("--min-effective-length", "64", 3, "gate --min-effective-length 64: FAILED: other: 0 tokens")]
    public async Task A_gate_decides_the_exit_code(string gate, string limit, int code, string line)
    {
        CliRun run = await CliRun.Of(Command(model.Path("gated"), Other("other"), gate, limit));
        Assert.True(run.Code == code, run.Output + run.Error);
        Assert.Contains(line, run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_finished_is_not_measured_again_whatever_the_folder_is_called()
    {
        string folder = model.Path("once");
        EvaluateAllOptions options = Options(folder);
        var reports = new List<EvaluationProgress>();
        var progress = new EvaluateAllProgress { Evaluation = new SynchronousProgress<EvaluationProgress>(reports.Add) };
        EvaluateAll.Run(options, progress);
        string results = File.ReadAllText(Path.Combine(folder, ResultsStore.ResultsName));
        Assert.NotEmpty(reports);

        reports.Clear();
        string copy = model.Copy("copy"); // the same model, elsewhere
        Comparison comparison =
            EvaluateAll.Run(options with { Models = [new(copy)], EffectiveLength = new() { MinPasskey = 0.5 } }, progress)!;
        Assert.Empty(reports);
        Assert.Equal(results, File.ReadAllText(Path.Combine(folder, ResultsStore.ResultsName)));
        Assert.Equal("copy", Assert.Single(comparison.Models).Name);
        Assert.Equal(3, comparison.Records.Count(record => record.Settings?["measurement"] is not null)); // passkey does not fit 64 tokens

        EvaluateAll.Run(options with { Passkey = options.Passkey with { Trials = 2 } }, progress);
        Assert.All(reports, report => Assert.Equal("passkey", report.Task)); // only what is new
        Assert.NotEmpty(reports);
    }

    [Fact]
    public void Other_weights_and_other_text_are_measured_anew()
    {
        string folder = model.Path("anew"), text = model.Path("anew.jsonl");
        File.Copy(model.Text, text);
        EvaluateAllOptions options = Options(folder) with { Data = new() { Paths = [text] } };
        EvaluateAll.Run(options, new());
        var reports = new List<EvaluationProgress>();
        var progress = new EvaluateAllProgress { Evaluation = new SynchronousProgress<EvaluationProgress>(reports.Add) };
        File.WriteAllLines(text, Enumerable.Reverse(File.ReadAllLines(text)));
        EvaluateAll.Run(options, progress);
        Assert.Equal(["perplexity"], reports.Select(report => report.Task).Distinct());
        reports.Clear();
        EvaluateAll.Run(options with { Models = [new(Other("trained-on"))] }, progress);
        Assert.Equal(["perplexity", "passkey"], reports.Select(report => report.Task).Distinct());
    }

    /// <summary>The same weights and the same files, read in another way or begun and ended with other tokens.</summary>
    [Fact]
    public void Another_reading_of_the_same_files_is_measured_anew()
    {
        string text = model.Path("fields.jsonl");
        File.WriteAllLines(text, File.ReadAllLines(model.Text).Select(line =>
            line.Replace("{\"text\":", "{\"title\": \"a river\", \"text\":", StringComparison.Ordinal)));
        var reports = new List<string>();
        var progress =
            new EvaluateAllProgress { Evaluation = new SynchronousProgress<EvaluationProgress>(report => reports.Add(report.Task)) };
        string[] Measured(EvaluateAllOptions options)
        {
            reports.Clear();
            EvaluateAll.Run(options, progress);
            return [.. reports.Distinct()];
        }
        EvaluateAllOptions first = Options(model.Path("readings")) with
        {
            Data = new() { Paths = [text] },
            Haystack = [text],
            Needle = new() { Lengths = [], Trials = 1, Depths = 2 },
            Lengths = [300]
        };
        Assert.Equal(["perplexity", "passkey", "needle"], Measured(first));
        Assert.Empty(Measured(first));
        DocumentOptions named = new() { Field = "text" }, cut = new() { SeparatorText = "the river" };
        Assert.Equal(["perplexity"], Measured(first with { Data = first.Data! with { Documents = named } }));
        Assert.Equal(["perplexity"], Measured(first with { Data = first.Data! with { Documents = cut } }));
        Assert.Equal(["needle"], Measured(first with { Documents = named }));

        string other = model.With("without-bos", "tokenizer_config.json", bytes =>
            Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes).Replace("\"add_bos_token\": true", "\"add_bos_token\": false",
                StringComparison.Ordinal)));
        Assert.Equal(["perplexity", "passkey", "needle"], Measured(first with { Models = [new(other)] }));
    }

    [Fact]
    public void An_interrupted_comparison_continues_to_the_same_results()
    {
        string whole = model.Path("whole"), halves = model.Path("halves");
        EvaluateAll.Run(Options(whole), new());
        using var stop = new CancellationTokenSource();
        var stopping = new EvaluateAllProgress
        {
            Stage = new SynchronousProgress<string>(stage =>
        {
            if (stage.Contains("passkey", StringComparison.Ordinal)) { stop.Cancel(); }
        })
        };
        Assert.ThrowsAny<OperationCanceledException>(() => EvaluateAll.Run(Options(halves), stopping, cancel: stop.Token));
        Assert.Equal(2, File.ReadAllLines(Path.Combine(halves, ResultsStore.ResultsName)).Length); // both windows of perplexity
        EvaluateAll.Run(Options(halves), new());
        foreach (string file in new[] { ResultsStore.ResultsName, "report.html", "report.md" })
        {
            Assert.Equal(File.ReadAllText(Path.Combine(whole, file)), File.ReadAllText(Path.Combine(halves, file)));
        }
    }

    [Fact]
    public async Task One_folder_is_compared_with_itself_under_another_rope()
    {
        string json = model.Path("ropes.json"), stretched = $"{model.Folder},rope=yarn,rope-factor=2";
        CliRun run =
            (await CliRun.Of("eval", "all", "--model", model.Folder, "--model", stretched, "--data", model.Text, "--lengths", "64,128",
                "--position-bins", "4", "--depths", "2", "--trials", "1",
            "--needle-trials", "0", "--out", model.Path("ropes"), "--json", json)).Succeeded();
        IReadOnlyList<EvaluationRecord> records = EvaluationJson.Read(json);
        Assert.Equal(["model", "model (yarn x2)"], records.Select(record => record.Model).Distinct());
        EvaluationRecord[] parts = [.. records.Where(record => record is { Task: "perplexity", Metric: "loss", Model: "model" })];
        Assert.Equal([[1, 32], [33, 64], [65, 96], [97, 127]], parts.Select(part => part.Positions!)); // of the longest window alone
        EvaluationRecord increase = records.Single(record => record is { Metric: "increase", Length: 64 });
        Assert.Equal("""{"against":"model","paired":true}""", increase.Settings!.ToJsonString());
        Assert.Contains("model (yarn x2) against model", run.Output, StringComparison.Ordinal);
        Assert.Contains("Loss by position", File.ReadAllText(model.Path("ropes/report.html")), StringComparison.Ordinal);

        Task<CliRun> With(string said) =>
            CliRun.Of("eval", "all", "--model", model.Folder + said, "--lengths", "128", "--trials", "1", "--out", model.Path("never"));
        (await With(",rope=yarn,rope-factor=much")).Complained("rope-factor needs a number, not 'much'");
        (await With(",rope-faktor=2")).Complained("'rope-faktor' is unknown", "Did you mean 'rope-factor'?");
        (await With(",yarn")).Complained("'yarn' is no name=value");
        (await With(",rope=yarm")).Complained("yarm");
        (await With(",adapter=" + model.Path("no-adapter"))).Complained("no-adapter");
        Assert.False(Directory.Exists(model.Path("never")));
    }

    [Fact]
    public void A_model_is_loaded_once_for_all_its_measurements()
    {
        string folder = model.Copy("loaded-once"), weights = Path.Combine(folder, "model.safetensors");
        var taking = new EvaluateAllProgress
        {
            Stage = new SynchronousProgress<string>(stage =>
        {
            if (stage.Contains("windows of 64", StringComparison.Ordinal)) { File.Delete(weights); }
        })
        };
        Comparison comparison = EvaluateAll.Run(Options(model.Path("loads")) with { Models = [new(folder)] }, taking)!;
        Assert.False(File.Exists(weights));
        Assert.NotNull(comparison.Find(comparison.Reference, "passkey", "accuracy", 128));
    }

    [Fact]
    public async Task Benchmarks_show_what_the_extension_costs_whatever_the_windows()
    {
        using var data = new TempFolder();
        data.Write("piqa_validation.jsonl",
            string.Join('\n',
                Enumerable.Range(0, 12)
                .Select(i =>
                    $$"""{"goal": "Cross river {{i}}.", "sol1": "Take the boat", "sol2": "Walk over it {{i}}", "label": {{i % 2}}}""")));
        string[] command =
            ["eval", "all", "--model", model.Folder, "--model", Other("other"), "--lengths", "128", "--trials", "1", "--depths", "2",
                "--needle-trials", "0", "--tasks-data", data.Path];
        CliRun run = (await CliRun.Of([.. command, "--limit", "10", "--out", model.Path("benchmarks")])).Succeeded();
        Assert.Matches(@"piqa acc +[01]?\.?\d+±", run.Output);
        Assert.Contains(
            "Of 2 benchmark numbers of other, 0 are lower than model's beyond the errors, 0 higher, and 2 cannot be told apart.",
            run.Output, StringComparison.Ordinal);
        Assert.Contains("boolq (", run.Output, StringComparison.Ordinal); // not in the folder
        (await CliRun.Of([.. command, "--tasks", "piqa,boolq", "--out", model.Path("named")])).Complained("no validation split of boolq");
    }

    [Fact]
    public async Task Needles_and_ruler_are_measured_by_length_and_depth()
    {
        string json = model.Path("retrieval.json"), folder = model.Path("retrieval");
        CliRun run =
            (await CliRun.Of("eval", "all", "--model", model.Folder, "--lengths", "2048", "--depths", "3", "--trials", "1",
                "--needle-trials", "1", "--ruler-samples", "1",
            "--out", folder, "--json", json)).Succeeded();
        IReadOnlyList<EvaluationRecord> records = EvaluationJson.Read(json);
        Assert.Equal(3, records.Count(record => record is { Task: "passkey", Metric: "accuracy_at_depth" }));
        Assert.Equal(3, records.Count(record => record is { Task: "needle", Metric: "accuracy_at_depth" }));
        Assert.Contains(records, record => record is { Task: "needle", Metric: "answer_log_prob", Length: 2048 });
        Assert.Contains(records, record => record is { Task: "ruler", Metric: "average", Length: 2048 });
        Assert.Contains(records, record => record is { Task: "ruler_vt", Length: 2048 });
        Assert.Matches(@"ruler average at 2048 +\d", run.Output);
        string page = File.ReadAllText(Path.Combine(folder, "report.html"));
        Assert.All(new[] { "Needle in a haystack", "RULER by task", "needle answer_log_prob at 2048" },
            heading => Assert.Contains(heading, page, StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_has_no_input_is_named_and_a_model_twice_refused()
    {
        CliRun run =
            (await CliRun.Of("eval", "all", "--model", model.Folder, "--lengths", "128", "--trials", "2", "--needle-trials", "0", "--out",
                model.Path("passkey-only"))).Succeeded();
        Assert.Contains(
            "Not measured: perplexity (needs long documents: --data); benchmarks (need their public files: --tasks-data); needle (needs " +
            "prompts: --needle-trials); ruler (needs samples: --ruler-samples).", run.Output, StringComparison.Ordinal);
        CliRun shorter =
            (await CliRun.Of("eval", "all", "--model", model.Folder, "--lengths", "64,128", "--trials", "2", "--needle-trials", "0",
                "--out", model.Path("shorter"))).Succeeded();
        Assert.Contains("passkey, prompts of 64 tokens (Passkey length 64 is too short", shorter.Output, StringComparison.Ordinal);
        (await CliRun.Of("eval", "all", "--model", model.Folder, "--lengths", "64", "--out", model.Path("shortest")))
            .Complained("Passkey length 64 is too short");
        (await CliRun.Of("eval", "all", "--model", model.Folder, "--model", model.Folder, "--out", model.Path("twice")))
            .Complained("given twice");
        (await CliRun.Of("report", "--from", model.Folder, "--out", model.Path("x.html"))).Complained("comparison.json", "eval all");
    }

    private EvaluateAllOptions Options(string folder) => new()
    {
        Models = [new(model.Folder)],
        Out = folder,
        Data = new() { Paths = [model.Text] },
        Lengths = [64, 128],
        Perplexity = new() { Windows = [] },
        Passkey = new() { Lengths = [], Trials = 3 },
        Needle = null,
    };

    private string[] Command(string folder, string other, params string[] more) =>
        ["eval", "all", "--model", model.Folder, "--model", other, "--data", model.Text, "--out", folder, "--lengths", "64,128", "--depths",
            "3", "--trials", "1", "--needle-trials", "0", .. more];

    /// <summary>The same weights, meant for twice the window.</summary>
    private string Other(string name) => Directory.Exists(model.Path(name)) ? model.Path(name) : model.With(name, "config.json", bytes =>
        Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes)
            .Replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 128", StringComparison.Ordinal)));
}
