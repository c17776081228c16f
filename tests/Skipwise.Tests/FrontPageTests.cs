using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Skipwise.Numerics;
using Skipwise.Reports;
using Skipwise.Tests.Cli;
using static System.FormattableString;

namespace Skipwise.Tests;

/// <summary>Each number in the README's tables is that of a results file in docs/results: the tables are written anew and
/// compared.</summary>
public sealed partial class FrontPageTests
{
    private static readonly string s_readme = File.ReadAllText(Path.Combine(HouseRulesTests.Root(), "README.md"));

    private static readonly DemoResults[] s_seeds =
        [.. Directory.GetFiles(Results(), "demo-seed-*.json").Order(StringComparer.Ordinal).Select(DemoResults.Read)];

    /// <summary>Keys found in all runs together with their 95 % interval; the mean of the runs' perplexities, and their range.</summary>
    [Fact]
    public void The_demo_s_table_is_that_of_its_results() => Assert.Contains(Table(DemoRows(s_seeds)), s_readme);

    /// <summary>What is said of the runs beside the table.</summary>
    [Fact]
    public void Sentences_about_the_demo_are_those_of_its_results()
    {
        string text = s_readme.Replace('\n', ' ');
        string[] words = ["no", "one", "two", "three", "four"], seeds = [.. s_seeds.Select(seed => $"{seed.Seed}")];
        int met = s_seeds.Count(seed => seed.Bars!.All(bar => bar.Met)), all = seeds.Length;
        string runs = met == all ? $"{(all == 2 ? "both" : $"all {words[all]}")} runs meet"
            : $"{words[met]} of {words[all]} runs {(met == 1 ? "meets" : "meet")}";
        Assert.Contains($"{runs} the demo's success criteria: seeds {string.Join(", ", seeds[..^1])} and {seeds[^1]}, " +
            $"{s_seeds[0].Passkey[0].Trials} prompts per length each", text, StringComparison.OrdinalIgnoreCase);
        double At(string variant, int multiple) => s_seeds.Average(seed =>
            seed.Perplexity.Single(point => point.Variant == variant && point.Length == multiple * seed.TrainLength).Value);
        Assert.Contains(
            Invariant($"({At(DemoVariant.Short, 16):0.00} against {At(DemoVariant.Pose, 16):0.00} at 16 times the window)"), text);
        int Keys(string variant, int multiple) => s_seeds.Sum(seed =>
            DemoSummary.Correct(seed.Passkey.Single(point => point.Variant == variant && point.Length == multiple * seed.TrainLength)));
        Assert.Contains("finds fewer keys at 4 and 8 times the window", text);
        Assert.All((int[])[4, 8], multiple => Assert.True(Keys(DemoVariant.Short, multiple) < Keys(DemoVariant.Pose, multiple)));
    }

    /// <summary>Minutes of the fastest run and of the slowest, evaluation included.</summary>
    [Fact]
    public void The_demo_s_time_is_that_of_its_results()
    {
        double[] minutes = [.. s_seeds.Select(seed => seed.Seconds.Values.Sum() / 60)];
        Assert.Contains(
            Invariant($"the demo took {minutes.Min():0} minutes on two nearly quiet cores of an AMD EPYC without AVX-512, and up to ") +
            Invariant($"{minutes.Max():0} on shared ones (`docs/results`)"), s_readme.Replace('\n', ' '));
    }

    /// <summary>Each file is the JSON that the command printed.</summary>
    [Fact]
    public void Results_are_documents_of_the_published_schemas() => Assert.All(Directory.GetFiles(Results(), "*.json"), file =>
        PublishedSchema.Validate(Path.GetFileName(file).Split('-')[0], File.ReadAllText(file)));

    /// <summary>Peak memory of a step by PoSE and, in brackets, at full length; the files are what the README's command printed.</summary>
    [Fact]
    public void The_table_of_memory_is_that_of_the_estimates() => Assert.Contains(Table(CostRows((step, _) =>
        Invariant($"{step["memory"]!["peak"]!.GetValue<long>() / 1e9:0} GB"))), s_readme);

    /// <summary>CPU time of the same steps.</summary>
    [Fact]
    public void The_table_of_time_is_that_of_the_estimates() => Assert.Contains(Table(CostRows((step, estimate) =>
    {
        Assert.Equal(step["cpu_seconds_per_step"] is null, estimate["untimed_because"] is not null);
        double? hours = step["cpu_seconds_per_step"]?.GetValue<double>() / 3600;
        return hours is null ? "unknown" : hours < 1 ? Invariant($"{60 * hours:0} min")
            : hours < 10 ? Invariant($"{hours:0.0} h") : Invariant($"{hours:0} h");
    })), s_readme);

    /// <summary>A 7 B model as Llama's: bytes per weight of full training in float32, and of all its weights.</summary>
    [Theory]
    [InlineData("docs/reproducing.md"), InlineData("docs/troubleshooting.md")]
    public void The_memory_of_full_training_is_that_of_the_estimate(string page)
    {
        JsonNode memory = Estimate("7b", "full")["pose"]!["memory"]!;
        double Bytes(string part) => memory[part]!.GetValue<long>();
        double state = Bytes("weights") + Bytes("gradients") + Bytes("optimizer");
        Match stated = StatedMemory().Match(File.ReadAllText(Path.Combine(HouseRulesTests.Root(), page)));
        Assert.Equal(Invariant($"{state / (Bytes("weights") / sizeof(float)):0}"), stated.Groups[1].Value);
        Assert.True(!stated.Groups[2].Success || stated.Groups[2].Value == Invariant($"{state / 1e9:0}"), stated.Value);
    }

    private static IEnumerable<string[]> DemoRows(DemoResults[] seeds)
    {
        int[] lengths = [.. seeds[0].Passkey.Select(point => point.Length).Distinct().Order()];
        int window = seeds[0].TrainLength;
        yield return ["prompt or window in tokens", .. lengths.Select(length =>
            $"{length}{(length == window ? "" : $" ({length / window}x)")}")];
        yield return [.. Enumerable.Repeat("---", lengths.Length + 1)];
        (string Name, string Variant)[] variants =
            [("base model", DemoVariant.Base), ("short (no skips)", DemoVariant.Short), ("PoSE", DemoVariant.Pose)];
        foreach ((string name, string variant) in variants)
        {
            yield return [$"keys found, {name}", .. lengths.Select(length =>
            {
                PasskeyPoint[] points = [.. seeds.Select(seed => seed.Passkey.Single(p => p.Variant == variant && p.Length == length))];
                int found = points.Sum(DemoSummary.Correct), trials = points.Sum(point => point.Trials);
                (double low, double high) = Statistics.Wilson(found, trials);
                return Invariant($"{found / (double)trials:0.00} ({low:0.00}–{high:0.00})");
            })];
        }
        foreach ((string name, string variant) in variants)
        {
            yield return [$"perplexity, {name}", .. lengths.Select(length =>
            {
                double[] values =
                    [.. seeds.Select(seed => seed.Perplexity.Single(p => p.Variant == variant && p.Length == length).Value)];
                return values.Max() - values.Min() < 0.005
                    ? Invariant($"{values.Average():0.00}")
                    : Invariant($"{values.Average():0.00} ({values.Min():0.00}–{values.Max():0.00})");
            })];
        }
    }

    /// <param name="cell">of a step, and the estimate that it is part of</param>
    private static IEnumerable<string[]> CostRows(Func<JsonNode, JsonNode, string> cell)
    {
        string[] sizes = ["1b", "7b", "13b", "70b"], ways = ["full", "lora", "lora-4bit"];
        yield return ["", "full training", "LoRA", "LoRA on 4-bit weights"];
        yield return [.. Enumerable.Repeat("---", ways.Length + 1)];
        foreach (string size in sizes)
        {
            yield return [$"{(size == "1b" ? "1.1" : size[..^1])} B", .. ways.Select(way =>
            {
                JsonNode estimate = Estimate(size, way);
                string pose = cell(estimate["pose"]!, estimate), full = cell(estimate["full"]!, estimate);
                return pose == full ? pose : $"{pose} ({full})";
            })];
        }
    }

    private static string Table(IEnumerable<string[]> rows) => string.Concat(rows.Select(row => $"| {string.Join(" | ", row)} |\n"));

    private static JsonNode Estimate(string size, string way) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(Results(), $"estimate-{size}-{way}.json")))!;

    [GeneratedRegex(@"(\d+) bytes per\s+weight(?:,\s+about\s+(\d+)\s+GB)?")]
    private static partial Regex StatedMemory();

    private static string Results() => Path.Combine(HouseRulesTests.Root(), "docs", "results");
}
