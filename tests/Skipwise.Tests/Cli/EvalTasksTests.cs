using System.Text;
using Skipwise.Evaluation.Results;

namespace Skipwise.Tests.Cli;

/// <summary>Benchmark tasks with the command alone.</summary>
public sealed class EvalTasksTests : IClassFixture<SmallModel>, IDisposable
{
    private readonly TempFolder _data = new();
    private readonly SmallModel _model;

    public EvalTasksTests(SmallModel model)
    {
        _model = model;
        _data.Write("piqa_validation.jsonl",
            string.Join('\n',
                Enumerable.Range(0, 20)
                .Select(i =>
                    $$"""{"goal": "Cross river {{i}}.", "sol1": "Take the boat", "sol2": "Walk over it {{i}}", "label": {{i % 2}}}""")));
        _data.WriteGzip("lambada_test.jsonl.gz",
            string.Join('\n',
                Enumerable.Range(0, 20).Select(i => $$"""{"text": "The river was wide, and boat {{i}} came over the river"}""")));
    }

    public void Dispose() => _data.Dispose();

    private Task<CliRun> Run(string tasks, CancellationToken stop = default, params string[] more) =>
        CliRun.Of(["eval", "tasks", "--model", _model.Folder, "--tasks", tasks, "--data", _data.Path, "--bootstrap-iters", "100", .. more],
            "", stop);

    [Fact]
    public async Task A_table_and_records()
    {
        string json = _model.Path("tasks.json");
        CliRun run =
            (await Run("piqa,lambada", default, "--json", json, "--harness", "0.4", "--bos", "auto", "--limit", "15", "--batch-size", "4"))
            .Succeeded();
        Assert.Matches(@"piqa +acc +0\.\d{4} +0\.\d{4} +15 +0 +\d", run.Output);
        Assert.Matches(@"lambada +perplexity +\d", run.Output);
        IReadOnlyList<EvaluationRecord> records = EvaluationJson.Read(json);
        Assert.Equal(["acc", "acc_norm", "perplexity", "acc"], records.Select(record => record.Metric));
        Assert.All(records, record =>
        {
            Assert.Equal((15L, SmallModel.Window, _model.Folder), (record.Count!.Value, record.Length!.Value, record.Model));
            Assert.Equal(("0.4", "auto", 15.0, 0),
                ((string)record.Settings!["harness"]!, (string)record.Settings["bos"]!, (double)record.Settings["limit"]!,
                    (int)record.Settings["shots"]!));
        });
    }

    /// <summary>Each option, away from its default, stands in the record.</summary>
    [Fact]
    public async Task What_is_asked_for_is_what_is_recorded()
    {
        string json = _model.Path("recorded.json");
        (await Run("piqa", default, "--json", json, "--harness", "0.4", "--bos", "always", "--limit", "0.5", "--batch-size", "3",
            "--num-fewshot", "1", "--max-length", "40", "--max-document-mb", "7")).Succeeded();
        IReadOnlyList<EvaluationRecord> records = EvaluationJson.Read(json);
        Assert.All(records, record =>
        {
            Assert.Equal((10L, 40), (record.Count!.Value, record.Length!.Value));
            Assert.StartsWith(
                """{"harness":"0.4","num_fewshot":1,"limit":0.5,"bos":"always","max_length":40,"batch_size":3,"bootstrap_iters":100,""",
                record.Settings!.ToJsonString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task Gemma_gets_its_bos_from_the_newer_harness()
    {
        string gemma = _model.With("gemma", "config.json", bytes => Encoding.UTF8.GetBytes(
            Encoding.UTF8.GetString(bytes).Replace("\"llama\"", "\"gemma\"", StringComparison.Ordinal)
                .Replace("Llama", "Gemma", StringComparison.Ordinal)));
        async Task<(string Scores, string Bos, string Told)> Scored(string name, params string[] more)
        {
            string json = _model.Path($"{name}.json");
            string[] command = ["eval", "tasks", "--model", gemma, "--tasks", "piqa", "--data", _data.Path, "--json", json, .. more];
            CliRun run = (await CliRun.Of(command)).Succeeded();
            string bos = (string)EvaluationJson.Read(json)[0].Settings!["bos"]!;
            return (await File.ReadAllTextAsync(_model.Path($"{name}.scores.jsonl")), bos, run.Error);
        }
        var plain = await Scored("gemma-plain", "--harness", "0.4");
        var always = await Scored("gemma-always", "--harness", "0.4", "--bos", "always");
        var earlier = await Scored("gemma-2023");
        Assert.Equal((always.Scores, "always"), (plain.Scores, plain.Bos));
        Assert.Contains("the harness does so for Gemma", plain.Told, StringComparison.Ordinal);
        Assert.DoesNotContain("Gemma", always.Told, StringComparison.Ordinal);
        Assert.NotEqual(plain.Scores, earlier.Scores);
        Assert.Equal("none", earlier.Bos);
    }

    [Fact]
    public async Task An_interrupted_run_continues_with_the_same_command()
    {
        string whole = _model.Path("whole.json"), halves = _model.Path("halves.json");
        (await Run("piqa,lambada", default, "--json", whole)).Succeeded();
        using var stop = new CancellationTokenSource();
        await stop.CancelAsync();
        CliRun interrupted = await Run("piqa,lambada", stop.Token, "--json", halves);
        Assert.Equal(130, interrupted.Code);
        Assert.False(File.Exists(halves));

        // What a run leaves that was stopped later: half of the scores, the last line torn
        string scores = await File.ReadAllTextAsync(_model.Path("whole.scores.jsonl"));
        await File.WriteAllTextAsync(_model.Path("halves.scores.jsonl"), scores[..(scores.Length / 2)]);
        (await Run("piqa,lambada", default, "--json", halves)).Succeeded();
        Assert.Equal(await File.ReadAllTextAsync(whole), await File.ReadAllTextAsync(halves));
        Assert.Equal(scores.Split('\n').Order(), (await File.ReadAllTextAsync(_model.Path("halves.scores.jsonl"))).Split('\n').Order());
    }

    [Fact]
    public async Task What_is_missing_is_named()
    {
        (await Run("boolq")).Complained("no validation split of boolq", "'boolq'", _data.Path);
        (await Run("piqqa")).Complained("unknown task 'piqqa'", "Did you mean 'piqa'?");
        (await Run("piqa", default, "--harness", "2022")).Complained("--harness 2022", "expected 2023 or 0.4");
        (await Run("piqa", default, "--num-fewshot", "20")).Complained("20 examples are wanted");
        _data.Write("boolq_validation.jsonl", """{"question": "q"}""");
        (await Run("boolq")).Complained("boolq_validation.jsonl:1", "has no \"passage\"");
    }

    [Fact]
    public async Task Examples_from_the_scored_split_are_told()
    {
        CliRun run = (await Run("piqa", default, "--num-fewshot", "2", "--limit", "0.5")).Succeeded();
        Assert.Contains("piqa: no train split was found; the 2 few-shot examples per question come from the validation split", run.Error,
            StringComparison.Ordinal);
    }
}
