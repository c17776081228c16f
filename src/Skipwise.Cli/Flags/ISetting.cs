namespace Skipwise.Cli.Flags;

/// <summary>An option whose default can be written down.</summary>
internal interface ISetting
{
    /// <summary>the default as a user would type it; null when leaving the option out has no such words</summary>
    string? DefaultText { get; }
}
