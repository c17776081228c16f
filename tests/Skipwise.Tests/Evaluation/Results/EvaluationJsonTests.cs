using System.Globalization;
using System.Text.Json;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;

namespace Skipwise.Tests.Evaluation.Results;

public sealed class EvaluationJsonTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("skipwise-").FullName;

    [Fact]
    public void A_setting_that_is_named_twice_is_an_error_of_the_file()
    {
        string path = Path.Combine(_folder, "twice.json");
        File.WriteAllText(path,
            """[{"task": "t", "metric": "m", "value": 1, "model": "base", "settings": {"paired": 1, "paired": 2}}]""");
        string message = Assert.Throws<SkipwiseException>(() => EvaluationJson.Read(path)).Message;
        Assert.Contains(path, message);
        Assert.Contains("paired", message);
    }

    [Fact]
    public void Results_are_written_with_the_agreed_keys_and_without_those_that_do_not_apply()
    {
        string path = Path.Combine(_folder, "results.json");
        var perplexity = new PerplexityOptions { Windows = [32], Mode = WindowMode.LastTokens };
        var passkey = new PasskeyOptions { Lengths = [128] };
        CultureInfo culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = new CultureInfo("de-DE"); // writes 1,5
        try
        {
            EvaluationJson.Write(path, [
                new PerplexityResult(32, 1.5, null, 99, 1).ToRecord("base", perplexity),
                new PasskeyResult(128,
                    [new(128, 0, 0.5, 7, 118, "p", "7", true), new(128, 1, 0.5, 7, 118, "p", "8", false)]).ToRecord("base", passkey),
            ]);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
        using JsonDocument json = JsonDocument.Parse(File.ReadAllText(path));
        JsonElement first = json.RootElement[0], second = json.RootElement[1];
        Assert.Equal(["task", "metric", "length", "value", "count", "model", "settings"],
            first.EnumerateObject().Select(field => field.Name));
        Assert.Equal(1.5, first.GetProperty("value").GetDouble());
        Assert.Equal("last-tokens", first.GetProperty("settings").GetProperty("mode").GetString());
        Assert.Equal(1, first.GetProperty("settings").GetProperty("documents").GetInt32());
        Assert.Equal(["task", "metric", "length", "value", "standard_error", "interval", "count", "model", "settings"],
            second.EnumerateObject().Select(field => field.Name));
        Assert.Equal(0.5, second.GetProperty("standard_error").GetDouble()); // sqrt(0.5 / 2)
        Assert.Equal([path, path + ".skipwise.json"], Directory.GetFiles(_folder).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Results_come_back_as_they_were()
    {
        string path = Path.Combine(_folder, "results.json");
        EvaluationRecord[] records =
            [new() { Task = "perplexity", Metric = "perplexity", Value = double.NaN, Length = 5 },
                new() { Task = "a", Metric = "b", Value = 0.1 + 0.2, StandardError = 1e-300 }];
        EvaluationJson.Write(path, records);
        Assert.Equal(records, EvaluationJson.Read(path));
    }

    [Fact]
    public void Only_results_that_are_as_they_were_written_are_replaced()
    {
        string path = Path.Combine(_folder, "results.json");
        File.WriteAllText(path, ""); // as mktemp leaves it
        EvaluationJson.Write(path, []);
        EvaluationJson.Write(path, [new() { Task = "a", Metric = "b", Value = 1 }]);
        Assert.Single(EvaluationJson.Read(path));
        string mended = File.ReadAllText(path).Replace("1", "2", StringComparison.Ordinal);
        File.WriteAllText(path, mended);
        Assert.Contains($"{path}: has changed", Assert.Throws<SkipwiseException>(() => EvaluationJson.Write(path, [])).Message);
        Assert.Equal(mended, File.ReadAllText(path));
        string mine = Path.Combine(_folder, "mine.json");
        File.WriteAllText(mine, "[]\n");
        Assert.Contains("Choose another name, or move", Assert.Throws<SkipwiseException>(() => EvaluationJson.Write(mine, [])).Message);
        Assert.Equal("[]\n", File.ReadAllText(mine));
    }

    [Fact]
    public void A_file_that_cannot_be_written_or_read_is_named()
    {
        string nowhere = Path.Combine(_folder, "missing", "results.json");
        Assert.Contains(nowhere, Assert.Throws<SkipwiseException>(() => EvaluationJson.Write(nowhere, [])).Message);
        Assert.Contains(nowhere, Assert.Throws<SkipwiseException>(() => EvaluationJson.Read(nowhere)).Message);
        string broken = Path.Combine(_folder, "broken.json");
        File.WriteAllText(broken, "[{");
        Assert.Contains(broken, Assert.Throws<SkipwiseException>(() => EvaluationJson.Read(broken)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
