using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;
using Skipwise.Reports.Comparing;
using Skipwise.Tests.Reports.Comparing;
using static Skipwise.Tests.Reports.Comparing.SampleComparison;

namespace Skipwise.Tests.Evaluation.Results;

public sealed class ResultsStoreTests
{
    private static readonly EvaluationRecord s_record =
        new() { Task = "passkey", Metric = "accuracy", Length = 128, Value = 1, Settings = new JsonObject { ["trials"] = 4 } };

    [Fact]
    public void A_finished_measurement_is_found_again_by_its_key_alone()
    {
        using var folder = new TempFolder();
        ResultsStore store = ResultsStore.Open(folder["r"]);
        string key = ResultsStore.Key("passkey", "model", new JsonObject { ["trials"] = 4 });
        Assert.Empty(store.Find(key));
        store.Add(key, new JsonObject { ["trials"] = 4, ["data"] = "abc" }, [s_record, s_record with { Length = 256 }]);
        EvaluationRecord[] found = [.. ResultsStore.Open(folder["r"]).Find(key)];
        Assert.Equal([128, 256], found.Select(record => record.Length!.Value));
        Assert.Equal($$"""{"trials":4,"data":"abc","measurement":"{{key}}"}""", found[0].Settings!.ToJsonString());
        Assert.Equal($$"""{"trials":4}""", s_record.Settings!.ToJsonString()); // the caller's own is as it was
        Assert.Equal([ResultsStore.ResultsName, ResultsStore.SamplesName, ResultsStore.TrialsName],
            Directory.EnumerateFileSystemEntries(folder["r"]).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void Samples_come_back_with_the_numbers_and_may_be_missing()
    {
        using var folder = new TempFolder();
        ResultsStore.Open(folder["r"])
            .Add("k", [], [s_record with { Samples = [1, 0.1 + 0.2, double.NegativeInfinity] }, s_record with { Length = 256 }]);
        ResultsStore store = ResultsStore.Open(folder["r"]);
        Assert.Equal([1, 0.1 + 0.2, double.NegativeInfinity], store.FindWithSamples("k")[0].Samples!);
        Assert.Null(store.FindWithSamples("k")[1].Samples);
        Assert.All(store.Find("k"), record => Assert.Null(record.Samples));
        foreach (string broken in (string[])["[[1]]", "[", "null", "[[\"x\"],null]"])
        {
            folder.Write("r/samples/k.json", broken);
            Assert.Contains("k.json", Assert.Throws<SkipwiseException>(() => store.FindWithSamples("k")).Message, StringComparison.Ordinal);
        }
        File.Delete(folder["r/samples/k.json"]);
        Assert.Equal(2, store.FindWithSamples("k").Count);
    }

    [Fact]
    public void Another_task_model_or_setting_is_another_measurement()
    {
        JsonObject settings = new() { ["trials"] = 4 };
        string[] keys =
        [
            ResultsStore.Key("passkey", "model", settings), ResultsStore.Key("needle", "model", settings),
            ResultsStore.Key("passkey", "other", settings), ResultsStore.Key("passkey", "model", new JsonObject { ["trials"] = 5 }),
        ];
        Assert.Equal(4, keys.Distinct().Count());
        Assert.Equal(keys[0], ResultsStore.Key("passkey", "model", new JsonObject { ["trials"] = 4 }));
    }

    [Fact]
    public void The_plan_comes_back()
    {
        using var folder = new TempFolder();
        ComparisonPlan plan = Plan(Model("a", 128) with { Measurements = ["k"] }) with { Gates = new() { MinPasskey = 0.9 } };
        ResultsStore.Open(folder["r"]).WritePlan(plan);
        ComparisonPlan read = ResultsStore.OpenExisting(folder["r"]).ReadPlan();
        Assert.Equal(plan.Models[0] with { Measurements = read.Models[0].Measurements }, read.Models[0]);
        Assert.Equal(["k"], read.Models[0].Measurements);
        Assert.Equal((plan.Gates, plan.EffectiveLength, plan.Skipped[0]), (read.Gates, read.EffectiveLength, read.Skipped[0]));
    }

    [Fact]
    public void Several_folders_become_one_comparison()
    {
        using var folder = new TempFolder();
        string[] folders = [folder["one"], folder["two"]];
        foreach ((string path, int correct) in folders.Zip([50, 25]))
        {
            ResultsStore store = ResultsStore.Open(path);
            store.WritePlan(Plan(Model("m", 128) with { Measurements = ["k"] }) with { Skipped = [new("perplexity", "needs documents")] });
            store.Add("k", [], [SampleComparison.Passkey(128, correct)]);
            store.Add("stale", [], [SampleComparison.Passkey(256, 0)]); // of an earlier run, not part of the plan
        }
        Comparison comparison = Comparison.Load(folders);
        Assert.Equal(["m", $"m ({folders[1]})"], comparison.Models.Select(model => model.Name));
        Assert.Equal([1.0, 0.5], comparison.Models.Select(model => Assert.Single(comparison.ByLength(model, "passkey", "accuracy")).Value));
        Assert.Single(comparison.Plan.Skipped);
    }

    [Theory]
    [InlineData("{", "comparison.json")]
    [InlineData("{}", "comparison.json")]
    [InlineData("""{"models":[],"skipped":[],"effective_length":{},"gates":{}}""", "names no model")]
    [InlineData("null", "found null")]
    public void A_broken_plan_is_named(string text, string hint)
    {
        using var folder = new TempFolder();
        folder.Write("r/comparison.json", text);
        Assert.Contains(hint, Assert.Throws<SkipwiseException>(() => Comparison.Load([folder["r"]])).Message);
    }

    [Fact]
    public void A_broken_line_of_results_is_named_and_a_folder_of_something_else_refused()
    {
        using var folder = new TempFolder();
        folder.Write("r/results.jsonl", "{\"task\":\"x\"}\n");
        Assert.Contains("results.jsonl, line 1", Assert.Throws<SkipwiseException>(() => ResultsStore.Open(folder["r"])).Message);
        Assert.Contains("eval all", Assert.Throws<SkipwiseException>(() => ResultsStore.OpenExisting(folder.Path)).Message);
        Assert.Contains("eval all", Assert.Throws<SkipwiseException>(() => ResultsStore.OpenExisting(folder["absent"])).Message);
    }
}
