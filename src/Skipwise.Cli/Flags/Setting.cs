using System.CommandLine;

namespace Skipwise.Cli.Flags;

/// <inheritdoc cref="ISetting"/>
internal sealed class Setting<T>(string name) : Option<T>(name), ISetting
{
    public string? DefaultText { get; init; }

    public Dictionary<string, string> Properties { get; } = [];
}
