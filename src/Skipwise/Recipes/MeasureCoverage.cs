using System.Text;
using Skipwise.Positions;
using Skipwise.Reports.Plots;
using Skipwise.Storage;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>Options of a computation of coverage.</summary>
internal sealed record CoverageOptions
{
    private static readonly TrainOptions s_run = new(); // the run whose windows are counted, if nothing is said about it

    /// <summary>the windows</summary>
    public required PoseOptions Positions { get; init; }
    /// <summary>n, tokens in a document; null: the target length</summary>
    [Within(1, 1 << 29)]
    public int? DocumentLength { get; init; }
    /// <summary>optimizer steps of the run</summary>
    [Within(1, 100_000_000)]
    public int Steps { get; init; } = s_run.Steps;
    /// <summary>windows per micro-batch</summary>
    [Within(1, 65536)]
    public int BatchSize { get; init; } = s_run.BatchSize;
    /// <summary>micro-batches per step</summary>
    [Within(1, 65536)]
    public int GradientAccumulationSteps { get; init; } = s_run.GradientAccumulationSteps;
    /// <summary>windows that are drawn where there is no exact sum</summary>
    [Within(1, 100_000_000)]
    public int Samples { get; init; } = 100_000;
    /// <summary>seed of the draws</summary>
    public ulong Seed { get; init; } = 1;
    /// <summary>fraction of the plateau below which coverage is low</summary>
    [Within(0, 1)]
    public double LowCoverageRatio { get; init; } = 0.5;
    /// <summary>file that the plot is written to, by its ending .png or .svg; a name without an ending, or a folder: folder that receives
    /// both; null: no plot</summary>
    [PathName]
    public string? Out { get; init; }
}

/// <summary>Coverage of the asked windows, beside those of the paper's figure 5.</summary>
/// <param name="TrainLength">Lc</param>
/// <param name="TargetLength">Lt</param>
/// <param name="DocumentLength">n</param>
/// <param name="Windows">of the run: steps x windows per step</param>
/// <param name="Plateau">median probability of the distances that a window without skips does not have; 0 if there are none</param>
/// <param name="LowCoverageRatio">fraction of the plateau below which coverage is low</param>
/// <param name="Never">distances that no window covers; if the curve is sampled, none of those drawn</param>
/// <param name="LessThanOnce">distances that are expected in less than one window of the run; those of Never too</param>
/// <param name="BelowPlateau">distances below the fraction of the plateau; those of Never too, if there is a plateau</param>
/// <param name="Points">the asked curve at some distances, in rising order</param>
/// <param name="Curves">the asked curve, then those of figure 5 that it is not</param>
internal sealed record CoverageResult(int TrainLength, int TargetLength, int DocumentLength, long Windows, double Plateau,
    double LowCoverageRatio, IReadOnlyList<DistanceRange> Never, IReadOnlyList<DistanceRange> LessThanOnce,
    IReadOnlyList<DistanceRange> BelowPlateau, IReadOnlyList<CoveragePoint> Points, IReadOnlyList<NamedCoverage> Curves);

/// <summary>The coverage of one distance.</summary>
/// <param name="Distance">1..Lt - 1</param>
/// <param name="Probability">that one window covers it</param>
/// <param name="StandardError">of the probability; 0 if it is exact</param>
/// <param name="ExpectedWindows">of the run that cover it</param>
internal sealed record CoveragePoint(int Distance, double Probability, double StandardError, double ExpectedWindows);

/// <summary>A curve with the name of its windows.</summary>
/// <param name="Name">"2 chunks"</param>
/// <param name="Samples">windows that were drawn; null: exact</param>
/// <param name="LargestStandardError">over all distances; 0 if exact</param>
/// <param name="Probability">by distance: Lt entries, entry 0 is 0</param>
internal sealed record NamedCoverage(string Name, int? Samples, double LargestStandardError, IReadOnlyList<double> Probability);

/// <summary>Computes how often a run covers each relative distance (paper, figure 5), and plots it. No model is needed.</summary>
internal static class MeasureCoverage
{
    /// <summary>Name of the plot in a folder, without its ending.</summary>
    public const string PlotName = "coverage";

    /// <summary>Largest target: a curve has an entry for every distance below it.</summary>
    private const int LongestTarget = 1 << 20;

    /// <exception cref="SkipwiseException">an option is out of range, or the plot cannot be written</exception>
    public static CoverageResult Run(CoverageOptions options, CancellationToken stop = default)
    {
        OptionCheck.Require("Coverage", options);
        PoseOptions pose = options.Positions;
        pose.Validate();
        if (pose.TargetLength < 2)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(PoseOptions.TargetLength))} {pose.TargetLength}: a window of one token has no relative distance. " +
                "Use a target of at least 2 tokens.");
        }
        if (pose.TargetLength > LongestTarget)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(PoseOptions.TargetLength))} {pose.TargetLength}: coverage is computed for targets of at most " +
                $"{LongestTarget} tokens. Divide {OptionName.Of(nameof(PoseOptions.TrainLength))}, " +
                $"{OptionName.Of(nameof(PoseOptions.TargetLength))} and {OptionName.Of(nameof(CoverageOptions.DocumentLength))} by the " +
                "same number: all curves but that of RandPos hardly change.");
        }
        RequirePlace(options.Out);
        int documentLength = options.DocumentLength ?? pose.TargetLength;
        CoverageCurve Compute(PoseOptions windows) => Coverage.Compute(windows, documentLength, options.Samples, options.Seed, stop);
        CoverageCurve asked = Compute(pose);
        List<NamedCoverage> curves = [Named(NameOf(pose), asked)];
        foreach (PoseOptions paper in Figure5(pose))
        {
            if (curves.All(curve => curve.Name != NameOf(paper)))
            {
                curves.Add(Named(NameOf(paper), Compute(paper)));
            }
        }
        if (options.Out is { } path)
        {
            Write(path, CoveragePlot.Figure([.. curves.Select(curve => (curve.Name, curve.Probability))], pose.TrainLength));
        }
        long windows = (long)options.Steps * options.BatchSize * options.GradientAccumulationSteps;
        int length = Math.Min(documentLength, pose.TrainLength);
        double plateau = asked.Plateau(length);
        return new CoverageResult(pose.TrainLength, pose.TargetLength, documentLength, windows, plateau, options.LowCoverageRatio,
            asked.Where(probability => probability <= 0), asked.Where(probability => probability * windows < 1),
            asked.Where(probability => probability < options.LowCoverageRatio * plateau),
            [
                .. Distances(pose).Select(r =>
                    new CoveragePoint(r, asked.Probability[r], asked.StandardError(r), asked.Probability[r] * windows)),
            ],
            curves);
    }

    /// <summary>The windows of the paper's figure 5 with the lengths of others: without skips, two chunks, three chunks, RandPos.</summary>
    internal static IEnumerable<PoseOptions> Figure5(PoseOptions lengths)
    {
        PoseOptions Windows(PositionOptions positions) => new(positions, lengths.TrainLength, lengths.TargetLength);
        yield return Windows(new() { Mode = PositionMode.Short });
        if (lengths.TargetLength > lengths.TrainLength)
        {
            foreach (int chunks in (int[])[2, 3])
            {
                if (chunks <= lengths.TrainLength)
                {
                    yield return Windows(new() { Chunks = chunks });
                }
            }
            yield return Windows(new() { Mode = PositionMode.RandPos });
        }
    }

    /// <summary>All that decides a curve but the lengths, in the paper's words.</summary>
    private static string NameOf(PoseOptions pose) => pose.Mode switch
    {
        PositionMode.Pose => (pose.Chunks == 1 ? "1 chunk" : FormattableString.Invariant($"{pose.Chunks} chunks"))
            + (pose.LengthRule == LengthRule.Released ? ", released" : "")
            + (pose.Content == ContentMode.Follow ? ", follow" : "")
            + (pose.EndShare > 0 ? FormattableString.Invariant($", end share {pose.EndShare}") : ""),
        PositionMode.Full => "full length",
        PositionMode.Short => "original",
        _ => "RandPos",
    };

    private static NamedCoverage Named(string name, CoverageCurve curve) =>
        new(name, curve.Samples, curve.Samples is null ? 0 : Enumerable.Range(0, curve.Probability.Count).Max(curve.StandardError),
            curve.Probability);

    /// <summary>Distances within the window, across the plateau and at the far end, where coverage changes.</summary>
    private static IEnumerable<int> Distances(PoseOptions pose)
    {
        int window = pose.TrainLength, target = pose.TargetLength, from = 2 * window, to = target - window;
        IEnumerable<int> plateau = to > from ? Enumerable.Range(0, 6).Select(i => (int)(from + ((long)(to - from) * i / 5))) : [];
        int[] all =
        [
            1, window / 8, window / 4, window / 2, window * 3 / 4, window, window * 3 / 2, .. plateau, target - window,
            target - (window / 2), target - (window / 8), target - 1,
        ];
        return all.Where(r => r >= 1 && r < target).Distinct().Order();
    }

    private static bool IsFile(string path) => Path.GetExtension(path).ToUpperInvariant() is ".PNG" or ".SVG";

    private static OwnedFiles FilesOf(string folder) => new(Path.Combine(folder, PlotName + OwnedFiles.Ending));

    /// <summary>Checks before the work that its plot has a place: a known kind of file, in a folder that exists, or a folder that exists
    /// or can be made; nothing of the user is replaced.</summary>
    private static void RequirePlace(string? path)
    {
        if (path is null)
        {
            return;
        }
        if (IsFile(path))
        {
            ResultFile.RequireFolder(path);
            ResultFile.RequireReplaceable(path);
            return;
        }
        if (Path.GetExtension(path) is { Length: > 0 } ending && !Directory.Exists(path))
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(CoverageOptions.Out))} {path}: a plot is a .png or an .svg file, not {ending}. Choose one of " +
                "them, or name a folder, without an ending, for both.");
        }
        // the folder is made, with those above it
        string? existing = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        while (existing is not null && !Path.Exists(existing))
        {
            existing = Path.GetDirectoryName(existing);
        }
        if (existing is not null && !Directory.Exists(existing))
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(CoverageOptions.Out))} {path}: {existing} is a file, so it holds no plots. Name another folder.");
        }
        FilesOf(path).RequireReplaceable([$"{PlotName}.png", $"{PlotName}.svg"]);
    }

    private static void Write(string path, Figure figure)
    {
        byte[] Svg() => Encoding.UTF8.GetBytes(figure.SvgFile(PlotLook.Light));
        if (IsFile(path))
        {
            bool isSvg = Path.GetExtension(path).Equals(".svg", StringComparison.OrdinalIgnoreCase);
            ResultFile.Write(path, isSvg ? Svg() : figure.Png(PlotLook.Light));
        }
        else
        {
            FilesOf(path).Write([($"{PlotName}.png", figure.Png(PlotLook.Light)), ($"{PlotName}.svg", Svg())]);
        }
    }
}
