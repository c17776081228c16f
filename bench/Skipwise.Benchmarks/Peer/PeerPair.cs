using System.Globalization;
using System.Text.Json;

namespace Skipwise.Benchmarks.Peer;

/// <summary>Skipwise beside another program on one case: medians of the processes, and their ratios.</summary>
/// <param name="Settings">what was not as usual, such as bfloat16</param>
/// <param name="Speed">tokens per second, ours / theirs</param>
/// <param name="CpuSpeed">tokens per CPU second, ours / theirs</param>
/// <param name="Memory">peak, ours / theirs</param>
internal sealed record PeerPair(string Settings, string Threads, SideResult Ours, SideResult Theirs, IReadOnlyList<double> CpuRatios)
{
    public const string Heading =
        "| case | beside | by CPU time | its pairs | by the clock | peak memory | CPU s, ours | theirs | tokens/s, ours | theirs "
        + "| MiB, ours | theirs |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |";

    private static readonly Dictionary<string, string> s_names = new()
    {
        [PeerComparison.Torch] = "PyTorch",
        [PeerComparison.TorchPatched] = "PyTorch, patched",
    };

    public double Speed => Math.Round(Theirs.WallSeconds / Ours.WallSeconds, 3);

    public double CpuSpeed => Math.Round(Theirs.CpuSeconds / Ours.CpuSeconds, 3);

    public double Memory => Math.Round(Ours.PeakRssMib / Theirs.PeakRssMib, 3);

    /// <summary>A row of a table in Markdown.</summary>
    public string ToRow() => string.Create(CultureInfo.InvariantCulture,
        $"| {Ours.Case}{(Settings.Length > 0 ? $", {Settings}" : "")} | {s_names.GetValueOrDefault(Theirs.Side, Theirs.Side)} | " +
        $"{CpuSpeed:0.00} | {string.Join(' ', CpuRatios.Select(ratio => ratio.ToString("0.00", CultureInfo.InvariantCulture)))} | " +
        $"{Speed:0.00} | {Memory:0.00} | {Ours.CpuSeconds:0.00} | {Theirs.CpuSeconds:0.00} | " +
        $"{Ours.Tokens / Ours.WallSeconds:0} | {Theirs.Tokens / Theirs.WallSeconds:0} | {Ours.PeakRssMib:0} | {Theirs.PeakRssMib:0} |");

    public string ToJson() => JsonSerializer.Serialize(this, BenchResult.Json);
}
