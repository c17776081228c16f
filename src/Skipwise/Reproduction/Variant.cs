using Skipwise.Positions;
using Skipwise.Rope;

namespace Skipwise.Reproduction;

/// <summary>
/// One of the models that an experiment compares, for every seed: the base, the base with scaled RoPE, or a fine-tune of it. The defaults
/// are the demo's. Two variants of equal settings are one model, trained once, whatever their names.
/// </summary>
internal sealed record Variant
{
    /// <summary>its name in tables and plots; no part of its identity</summary>
    public required string Name { get; init; }
    /// <summary>folder of the base model; null: the run's own</summary>
    public string? Base { get; init; }
    /// <summary>how positions are drawn in training; null: not trained</summary>
    public PositionOptions? Positions { get; init; }
    /// <summary>Lt / Lc</summary>
    public int Extension { get; init; } = 8;
    /// <summary>
    /// positions are drawn below (Extension + this) windows, so that the target's last distances, which an example covers ever more rarely,
    /// are trained as often as the others; full-length training needs none
    /// </summary>
    public int MarginWindows { get; init; } = 1;
    /// <summary>RoPE scaling; null: the base's RoPE, unchanged</summary>
    public RopeType? Rope { get; init; } = RopeType.Yarn;
    /// <summary>RoPE factor s; null: three times the extension, as in the demo (docs/log.md says why)</summary>
    public double? RopeFactor { get; init; }
    /// <summary>optimizer steps; null: the scale's</summary>
    public int? Steps { get; init; }
    /// <summary>examples of a step are packed into one row: the same mathematics without padding, of which long windows of texts of all
    /// lengths have much</summary>
    public bool Packing { get; init; }
    /// <summary>peak learning rate</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>whether there is something that a seed decides</summary>
    public bool IsTrained => Positions is not null;

    /// <summary>the factor, with the default derived</summary>
    public double EffectiveRopeFactor => RopeFactor ?? 3.0 * Extension;

    /// <summary>The base model as it is.</summary>
    public static Variant Untouched(string name = "none") => new() { Name = name, Rope = null, Extension = 1, MarginWindows = 0 };

    /// <summary>A fine-tune on windows of the base's length with skipped positions.</summary>
    public static Variant Pose(int extension, string? name = null) => Trained(PositionMode.Pose, extension, name ?? $"PoSE {extension}x");

    /// <summary>A fine-tune on windows of the base's length with every token at a random position.</summary>
    public static Variant RandPos(int extension) => Trained(PositionMode.RandPos, extension, $"RandPos {extension}x");

    /// <summary>The control: the same fine-tune on windows of the base's length without skips.</summary>
    public static Variant Short(int extension) => Trained(PositionMode.Short, extension, $"short {extension}x (no skips)");

    /// <summary>A fine-tune on windows of the target's length.</summary>
    public static Variant FullLength(int extension) =>
        Trained(PositionMode.Full, extension, $"full-length {extension}x") with { MarginWindows = 0, Packing = true };

    // the text stays contiguous and only positions skip, as in the demo: passkeys stay in one window
    private static Variant Trained(PositionMode mode, int extension, string name) => new()
    {
        Name = name,
        Extension = extension,
        Positions = new PositionOptions { Mode = mode, Content = ContentMode.Contiguous },
    };
}
