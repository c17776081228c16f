namespace Skipwise.Cli.Config;

/// <summary>One line of a configuration file: an option's name without its hyphens, and its values.</summary>
/// <param name="Line">of the key, from 1</param>
/// <param name="Values">one, or those of a list; empty when the key stands alone or its value is null</param>
internal sealed record ConfigEntry(string Key, int Line, IReadOnlyList<string> Values);
