namespace Skipwise.Reports;

/// <summary>The four models that the demo compares, as <c>results.json</c> names them.</summary>
public static class DemoVariant
{
    /// <summary>the model as it was pretrained, run past its window</summary>
    public const string Base = "base";
    /// <summary>positions stretched, nothing trained</summary>
    public const string Interpolated = "interpolated";
    /// <summary>the control: stretched and fine-tuned exactly like <see cref="Pose"/>, but on contiguous positions without skips</summary>
    public const string Short = "short";
    /// <summary>stretched and fine-tuned with skipped positions</summary>
    public const string Pose = "pose";

    /// <summary>in the order in which tables and plots show them</summary>
    public static IReadOnlyList<string> All { get; } = [Base, Interpolated, Short, Pose];

    /// <summary>What a plot or table calls it; an unknown name stays as it is.</summary>
    public static string Label(string variant) => variant switch
    {
        Base => "base",
        Interpolated => "interpolated, untrained",
        Short => "short (no skips)",
        Pose => "PoSE",
        _ => variant,
    };
}
