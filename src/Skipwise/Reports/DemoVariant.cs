namespace Skipwise.Reports;

/// <summary>The names of the demo's four models in <c>results.json</c>.</summary>
internal static class DemoVariant
{
    /// <summary>the pretrained model, evaluated beyond its window</summary>
    public const string Base = "base";
    /// <summary>RoPE scaling without training</summary>
    public const string Interpolated = "interpolated";
    /// <summary>the control: RoPE scaling and fine-tuning exactly like <see cref="Pose"/>, but on contiguous positions without
    /// skips</summary>
    public const string Short = "short";
    /// <summary>RoPE scaling and fine-tuning with skipped positions</summary>
    public const string Pose = "pose";

    /// <summary>all variants, in the order of tables and plots</summary>
    public static IReadOnlyList<string> All { get; } = [Base, Interpolated, Short, Pose];

    /// <summary>The label of a variant in plots and tables; an unknown name is returned unchanged.</summary>
    public static string Label(string variant) => variant switch
    {
        Base => "base",
        Interpolated => "interpolated, untrained",
        Short => "short (no skips)",
        Pose => "PoSE",
        _ => variant,
    };
}
