using System.Text.Json.Nodes;
using Skipwise.Positions;

namespace Skipwise.Tests.Cli;

public sealed class CoverageVerbTests : IDisposable
{
    private static readonly string[] s_paper = ["coverage", "--train-length", "2048", "--target-length", "16384"];
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_papers_windows_are_told_in_a_table()
    {
        string text = (await CliRun.Of([.. s_paper, "--steps", "1000", "--batch-size", "4", "--gradient-accumulation", "2"])).Succeeded()
            .Output;
        Assert.Matches(@"\ndistance +windows of the run +2 chunks +original +3 chunks +RandPos\n", text);
        // 2047 / 14337 on the plateau, 1 / 14337 at the end; RandPos has the two outermost positions in one of 64 windows
        Assert.Matches(@"\n8192 +1142 +0\.1428 +0\.0000 +0\.2\d\d\d +1\.0000\n", text);
        Assert.Matches(@"\n16383 +0\.56 +7\.0e-5 +0\.0000 +\S+ +0\.0156\n", text);
        Assert.Contains("1000 steps x 8 windows = 8000 windows", text);
        Assert.Matches(@"\nplateau +0\.1428, 1142 windows: the median from distance 2048 on\n", text);
        Assert.Matches(@"\nnever covered +none\n", text);
        Assert.Matches(@"\ncovered less than once +16383 \(1 of them\)\n", text);
        // half of 2047 skips reach distance 16384 - 1023
        Assert.Matches(@"\nbelow 0\.5 of the plateau +15361\.\.16383 \(1023 of them\)\n", text);
        Assert.Matches(@"\nsampled +3 chunks \(standard error at most 0\.0016\): from 100000 drawn windows each; other columns are ", text);
    }

    [Fact]
    public async Task An_end_share_lifts_the_far_end()
    {
        string text = (await CliRun.Of([.. s_paper, "--end-share", "0.25"])).Succeeded().Output;
        Assert.Matches(@"\ndistance +windows of the run +2 chunks, end share 0\.25 +original +2 chunks +3 chunks +RandPos\n", text);
        Assert.Matches(@"\n8192 +857 +0\.1071 ", text); // 3 / 4 of the plateau
        Assert.Matches(@"\n16383 +2000 +0\.2501 ", text);
        Assert.Matches(@"\ncovered less than once +none\n", text);
    }

    /// <summary>The curve of the library, and what follows from it.</summary>
    [Fact]
    public async Task JSON_holds_whole_curves()
    {
        CliRun run = (await CliRun.Of("coverage", "--train-length", "16", "-t", "100", "--chunks", "4", "--samples", "5000", "--seed", "3",
            "--steps", "10", "--low-coverage-ratio", "0.8", "--json")).Succeeded();
        JsonNode json = JsonNode.Parse(run.Output)!;
        JsonNode asked = json["curves"]![0]!;
        var pose = new PoseOptions { TrainLength = 16, TargetLength = 100, Chunks = 4, RandomStart = true };
        double[] expected = Coverage.Estimate(pose, 100, 5000, seed: 3);
        Assert.Equal(expected, asked["probability"]!.AsArray().Select(value => value!.GetValue<double>()));
        Assert.Equal(5000, asked["samples"]!.GetValue<int>());
        Assert.Equal(80, json["windows"]!.GetValue<long>());
        double plateau = json["plateau"]!.GetValue<double>();
        Assert.Equal(new CoverageCurve(expected, 5000).Plateau(16), plateau);
        int[] low = [.. Distances(json["below_plateau"]!)], once = [.. Distances(json["less_than_once"]!)];
        Assert.Equal(Enumerable.Range(1, 99).Where(r => expected[r] < 0.8 * plateau), low);
        Assert.Equal(Enumerable.Range(1, 99).Where(r => 80 * expected[r] < 1), once);
        Assert.NotEmpty(low);
        Assert.Equal(["4 chunks", "original", "2 chunks", "3 chunks", "RandPos"],
            json["curves"]!.AsArray().Select(curve => curve!["name"]!.GetValue<string>()));
        Assert.All(json["points"]!.AsArray(), point =>
            Assert.Equal(80 * point!["probability"]!.GetValue<double>(), point["expected_windows"]!.GetValue<double>(), 9));

        static IEnumerable<int> Distances(JsonNode ranges) => ranges.AsArray().SelectMany(range =>
            Enumerable.Range(range!["first"]!.GetValue<int>(), range["count"]!.GetValue<int>()));
    }

    [Fact]
    public async Task The_plot_is_a_picture_or_a_folder_of_both()
    {
        string[] line = ["coverage", "--train-length", "16", "-t", "64", "--samples", "100", "--out"];
        string png = _folder["plot.png"], svg = _folder["plot.SVG"], both = _folder["plots"];
        foreach (string path in (string[])[png, svg, both, both]) // its own are replaced
        {
            Assert.Contains($"plot  {path}", (await CliRun.Of([.. line, path])).Succeeded().Output, StringComparison.Ordinal);
        }
        Assert.Equal(File.ReadAllBytes(png), File.ReadAllBytes(Path.Combine(both, "coverage.png")));
        Assert.Equal(File.ReadAllBytes(svg), File.ReadAllBytes(Path.Combine(both, "coverage.svg")));
        Assert.Contains("<title>Coverage probability by relative distance: 2 chunks, original, 3 chunks, RandPos</title>",
            await File.ReadAllTextAsync(svg), StringComparison.Ordinal);
        string foreign = _folder.Write("foreign.png", "mine");
        (await CliRun.Of([.. line, foreign])).Complained(foreign, "is not replaced");
        Assert.Equal("mine", await File.ReadAllTextAsync(foreign));
        string below = Path.Combine(_folder.Write("a-file", "mine"), "plots");
        (await CliRun.Of([.. line, below])).Complained(below, "is a file, so it holds no plots");
    }

    [Theory]
    [InlineData("coverage --train-length 8 -t 8", "--target-length 8 is no longer than --train-length 8")]
    [InlineData("coverage --train-length 1 -t 1 --positions full", "--target-length 1: a window of one token has no relative distance")]
    [InlineData("coverage --train-length 8 -t 64 --out curve.pdf", "--out curve.pdf: a plot is a .png or an .svg file, not .pdf")]
    [InlineData("coverage --train-length 8 -t 64 --out no-such-folder/curve.png", "curve.png: there is no folder")]
    [InlineData("coverage --train-length 8 -t 64 --end-share 2", "--end-share is 2; it must be at most 1")]
    [InlineData("coverage --train-length 8 -t 64 --steps 0", "--steps is 0; it must be at least 1")]
    [InlineData("coverage --train-length 8 -t 64 --low-coverage-ratio -1", "--low-coverage-ratio is -1; it must be at least 0")]
    [InlineData("coverage --train-length 8 -t 2000000", "--target-length 2000000: coverage is computed for targets of at most 1048576")]
    public async Task What_cannot_be_is_told_by_its_flag(string line, string complaint) =>
        (await CliRun.Of(line.Split(' '))).Complained(complaint);

    [Theory]
    [InlineData("--positions full", "full length")]
    [InlineData("--positions short", "original")]
    [InlineData("--chunks 1", "1 chunk")]
    [InlineData("--content follow --length-rule released", "2 chunks, released, follow")]
    public async Task Every_kind_of_window_has_its_name(string options, string name)
    {
        CliRun run = (await CliRun.Of(["coverage", "--train-length", "2", "-t", "3", .. options.Split(' '), "--json"])).Succeeded();
        Assert.Equal(name, JsonNode.Parse(run.Output)!["curves"]![0]!["name"]!.GetValue<string>());
    }
}
