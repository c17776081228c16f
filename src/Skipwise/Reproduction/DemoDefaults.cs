using Skipwise.Recipes;

namespace Skipwise.Reproduction;

/// <summary>The demo's settings, which are those of all trainings here unless a variant or a scale says otherwise.</summary>
internal static class DemoDefaults
{
    /// <summary>without folders</summary>
    public static DemoOptions Options { get; } = new() { Model = "", Out = "" };

    /// <summary>the RoPE factor as a multiple of the extension (docs/log.md says why it is none of the paper's)</summary>
    public static double RopeFactorPerExtension => Options.RopeFactor / Options.ExtensionFactor;
}
