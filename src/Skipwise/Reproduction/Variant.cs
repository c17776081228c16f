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
    public int Extension { get; init; } = DemoDefaults.Options.ExtensionFactor;
    /// <summary>
    /// positions are drawn below (Extension + this) windows, so that the target's last distances, which an example covers ever more rarely,
    /// are trained as often as the others; full-length training needs none
    /// </summary>
    public int MarginWindows { get; init; } = DemoDefaults.Options.MarginWindows;
    /// <summary>RoPE scaling; null: the base's RoPE, unchanged</summary>
    public RopeType? Rope { get; init; } = DemoDefaults.Options.Rope;
    /// <summary>RoPE factor s; null: as many times the extension as in the demo, three</summary>
    public double? RopeFactor { get; init; }
    /// <summary>optimizer steps; null: the scale's</summary>
    public int? Steps { get; init; }
    /// <summary>examples of a step are packed into one row: the same mathematics without padding, of which long windows of texts of all
    /// lengths have much</summary>
    public bool Packing { get; init; }
    /// <summary>number of seeds; null: the scale's</summary>
    public int? Seeds { get; init; }
    /// <summary>peak learning rate</summary>
    public double LearningRate { get; init; } = DemoDefaults.Options.Training.LearningRate;

    /// <summary>whether there is something that a seed decides</summary>
    public bool IsTrained => Positions is not null;

    /// <summary>the factor, with the default derived</summary>
    public double EffectiveRopeFactor => RopeFactor ?? DemoDefaults.RopeFactorPerExtension * Extension;

    /// <summary>The base model as it is.</summary>
    public static Variant Untouched(string name = "none") => new() { Name = name, Rope = null, Extension = 1, MarginWindows = 0 };

    /// <summary>A fine-tune on windows of the base's length with skipped positions.</summary>
    public static Variant Pose(int extension, string? name = null) => Trained(PositionMode.Pose, extension, name ?? $"PoSE {extension}x");

    /// <summary>A fine-tune on windows of the base's length with every token at a random position.</summary>
    public static Variant RandPos(int extension) => Trained(PositionMode.RandPos, extension, $"RandPos {extension}x");

    /// <summary>The control: the same fine-tune on windows of the base's length without skips.</summary>
    public static Variant Short(int extension) => Trained(PositionMode.Short, extension, $"short {extension}x (no skips)");

    /// <summary>A PoSE fine-tune whose RoPE factor is the extension, as in the paper: "PoSE-NTK 8x".</summary>
    public static Variant Interpolated(RopeType rope, int extension) =>
        Pose(extension, $"PoSE-{NameOf(rope)} {extension}x") with { Rope = rope, RopeFactor = extension };

    /// <summary>The control of <see cref="Interpolated"/> with YaRN: the same fine-tune without skips.</summary>
    public static Variant InterpolatedShort(int extension) => Short(extension) with
    {
        Name = $"short-{NameOf(RopeType.Yarn)} {extension}x (no skips)",
        Rope = RopeType.Yarn,
        RopeFactor = extension,
    };

    /// <summary>A fine-tune on windows of the target's length.</summary>
    public static Variant FullLength(int extension) =>
        Trained(PositionMode.Full, extension, $"full-length {extension}x") with { MarginWindows = 0, Packing = true };

    /// <summary>A scaling as the paper writes it.</summary>
    public static string NameOf(RopeType rope) => rope switch
    {
        RopeType.Linear => "Linear",
        RopeType.Ntk => "NTK",
        RopeType.Yarn => "YaRN",
        RopeType.YarnRevised => "YaRN revised",
        _ => RopeTypeNames.NameOf(rope),
    };

    // the text stays contiguous and only positions skip, as in the demo: passkeys stay in one window
    private static Variant Trained(PositionMode mode, int extension, string name) => new()
    {
        Name = name,
        Extension = extension,
        Positions = new PositionOptions { Mode = mode, Content = ContentMode.Contiguous },
    };
}
