using Skipwise.Rope;

namespace Skipwise.Cli.Flags;

/// <summary>A value of <c>--rope</c>.</summary>
/// <param name="Type">the scaling; null: <see cref="Auto"/></param>
internal sealed record RopeChoice(RopeType? Type)
{
    /// <summary>what a user writes for pilots that choose the scaling</summary>
    public const string Auto = "auto";
}
