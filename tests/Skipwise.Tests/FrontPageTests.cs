using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Skipwise.Numerics;
using Skipwise.Reports;
using static System.FormattableString;

namespace Skipwise.Tests;

/// <summary>Each number in the README's tables is that of a results file in docs/results: the tables are written anew and
/// compared.</summary>
public sealed partial class FrontPageTests
{
    private static readonly string s_readme = File.ReadAllText(Path.Combine(HouseRulesTests.Root(), "README.md"));

    /// <summary>Keys found in all runs together with their 95 % interval; the mean of the runs' perplexities, and their range.</summary>
    [Fact]
    public void The_demo_s_table_is_that_of_its_results()
    {
        DemoResults[] seeds = [.. Directory.GetFiles(Results(), "demo-seed-*.json").Order(StringComparer.Ordinal).Select(DemoResults.Read)];
        Assert.Contains(Table(DemoRows(seeds)), s_readme);
        int met = seeds.Count(seed => seed.Bars!.All(bar => bar.Met));
        Assert.Equal(2, seeds.Length);
        Assert.Equal(met == seeds.Length, s_readme.Contains("Both runs meet the demo's success criteria", StringComparison.Ordinal));
    }

    /// <summary>Peak memory of a step by PoSE and, in brackets, at full length; the files are the output of the command that the README
    /// shows, without its times, which are a machine's.</summary>
    [Fact]
    public void The_table_of_memory_is_that_of_the_estimates() => Assert.Contains(Table(CostRows()), s_readme);

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
        yield return ["", .. lengths.Select(length => $"{length} tokens{(length == window ? "" : $" ({length / window}x)")}")];
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

    private static IEnumerable<string[]> CostRows()
    {
        string[] sizes = ["1b", "7b", "13b"], ways = ["full", "lora", "lora-4bit"];
        yield return ["", "full training", "LoRA", "LoRA on 4-bit weights"];
        yield return [.. Enumerable.Repeat("---", ways.Length + 1)];
        foreach (string size in sizes)
        {
            yield return [$"{(size == "1b" ? "1.1" : size[..^1])} B", .. ways.Select(way =>
            {
                JsonNode estimate = Estimate(size, way);
                double Peak(string mode) => estimate[mode]!["memory"]!["peak"]!.GetValue<long>() / 1e9;
                return Invariant($"{Peak("pose"):0} GB ({Peak("full"):0} GB)");
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
