using System.Text.Json;
using Skipwise.Reports;

namespace Skipwise.Tests.Reports;

public sealed class DemoResultsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("skipwise-reports").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_file_has_exactly_the_promised_names()
    {
        string path = Path.Combine(_folder, "results.json");
        SampleDemo.PoseWins.Write(path);
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(path));
        JsonElement root = json.RootElement;

        Assert.Equal(
            ["train_length", "target_length", "perplexity", "passkey", "seconds", "model", "rope", "seed", "longest_training_window",
                "settings", "training", "bars", "examples"], Names(root));
        Assert.Equal(["variant", "length", "value", "standard_error", "documents"], Names(root.GetProperty("perplexity")[0]));
        Assert.Equal(["variant", "length", "accuracy", "trials", "correct", "interval_low", "interval_high"],
            Names(root.GetProperty("passkey")[0]));
        Assert.Equal(["step", "loss", "learning_rate"], Names(root.GetProperty("training").GetProperty("pose")[0]));
        Assert.Equal(["name", "required", "measured", "met"], Names(root.GetProperty("bars")[0]));
        Assert.Equal(["first_position", "length"], Names(root.GetProperty("examples")[0][0]));
        Assert.Equal(["base", "interpolated", "short", "pose"],
            root.GetProperty("passkey").EnumerateArray().Select(p => p.GetProperty("variant").GetString()).Distinct());
        Assert.Equal(0.98, root.GetProperty("passkey")[18].GetProperty("accuracy").GetDouble());
        Assert.Equal(61.4, root.GetProperty("seconds").GetProperty("fine-tune pose").GetDouble());
        Assert.Equal([path], Directory.GetFiles(_folder)); // no temporary file is left
    }

    [Fact]
    public void What_is_written_reads_back_the_same()
    {
        string path = Path.Combine(_folder, "results.json");
        DemoResults written = SampleDemo.PoseWins with { Perplexity = [new("base", 4096, double.PositiveInfinity, double.NaN, 12)] };
        written.Write(path);
        DemoResults read = DemoResults.Read(path);

        Assert.Equal(written.Perplexity, read.Perplexity);
        Assert.Equal(written.Passkey, read.Passkey);
        Assert.Equal(written.Seconds, read.Seconds);
        Assert.Equal(written.Settings, read.Settings);
        Assert.Equal(written.Bars, read.Bars);
        Assert.Equal(written.Examples!.SelectMany(e => e), read.Examples!.SelectMany(e => e));
        Assert.Equal(written.Training!["short"], read.Training!["short"]);
        Assert.Equal((256, 2048, "skipwise-demo-3m", "ntk, factor 16", 11L, 256),
            (read.TrainLength, read.TargetLength, read.Model!, read.Rope!, read.Seed!.Value, read.LongestTrainingWindow!.Value));
    }

    [Fact]
    public void Optional_members_may_be_absent()
    {
        string path = Path.Combine(_folder, "results.json");
        File.WriteAllText(path,
            """{"train_length":128,"target_length":256,"perplexity":[],"passkey":[{"variant":"pose","length":256,"accuracy":0.5,"trials":4}],"seconds":{}}""");
        DemoResults read = DemoResults.Read(path);
        Assert.Null(read.Bars);
        Assert.Equal(new PasskeyPoint("pose", 256, 0.5, 4), Assert.Single(read.Passkey));
    }

    [Theory]
    [InlineData("""{"train_length":128,"target_length":256,"perplexity":[],"seconds":{}}""", "passkey")]
    [InlineData("""{"train_length":128,"target_length":256,"perplexity":[{"variant":"base","length":128}],"passkey":[],"seconds":{}}""",
        "value")]
    [InlineData("""{"train_length":0,"target_length":256,"perplexity":[],"passkey":[],"seconds":{}}""", "found a length of 0 tokens")]
    [InlineData("{\"train_length\":128", "LineNumber: 0")]
    [InlineData("null", "found null")]
    public void A_broken_file_is_named_with_its_fault(string json, string fault)
    {
        string path = Path.Combine(_folder, "results.json");
        File.WriteAllText(path, json);
        string message = Assert.Throws<SkipwiseException>(() => DemoResults.Read(path)).Message;
        Assert.Contains(path, message);
        Assert.Contains(fault, message);
    }

    [Fact]
    public void A_folder_that_is_missing_is_an_error_of_the_user()
    {
        string path = Path.Combine(_folder, "absent", "results.json");
        Assert.Contains(path, Assert.Throws<SkipwiseException>(() => SampleDemo.PoseWins.Write(path)).Message);
        Assert.Contains(path, Assert.Throws<SkipwiseException>(() => DemoResults.Read(path)).Message);
    }

    [Fact]
    public void A_bar_holds_at_its_limit_and_never_for_NaN()
    {
        Assert.Equal(new DemoCriterion("a", ">= 0.95", 0.95, true), DemoCriterion.AtLeast("a", 0.95, 0.95));
        Assert.Equal(new DemoCriterion("a", "<= 0.1", 0.12, false), DemoCriterion.AtMost("a", 0.1, 0.12));
        Assert.False(DemoCriterion.AtMost("a", 1, double.NaN).Met);
        Assert.False(DemoCriterion.AtLeast("a", 1, double.NaN).Met);
    }

    [Fact]
    public void Position_ids_split_where_they_skip()
    {
        Assert.Equal([new PositionRun(0, 3), new PositionRun(100, 2), new PositionRun(500, 1)],
            PositionRun.Split([0, 1, 2, 100, 101, 500]));
        Assert.Equal([new PositionRun(7, 4)], PositionRun.Split([7, 8, 9, 10]));
        Assert.Empty(PositionRun.Split([]));
    }

    private static IEnumerable<string> Names(JsonElement element) => element.EnumerateObject().Select(p => p.Name);
}
