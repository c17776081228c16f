using System.Globalization;

namespace Skipwise.Models;

/// <summary>
/// One thing that decides a result, as it is compared and hashed. Name and value are written down here as strings, apart from the names of
/// C# properties and of enumerations' members, which may change.
/// </summary>
/// <param name="Name">the same for ever: it stands in files</param>
/// <param name="Value">in one canonical form; null cannot be told now, and any value that was noted is as good</param>
/// <param name="Missing">
/// what a note without this name means, which is what every program did before one learned the name; null for the names of the first
/// version
/// </param>
internal sealed record NamedValue(string Name, string? Value, string? Missing = null)
{
    /// <summary>Stands for what is not there.</summary>
    public const string None = "none";

    /// <summary>Whether it stands in no note, so that an earlier program, which does not know the name, still reads the note.</summary>
    public bool IsMissing => Value is not null && Value == Missing;

    public static NamedValue Of(string name, bool value) => new(name, value ? "true" : "false");

    public static NamedValue Of(string name, int? value) => new(name, value?.ToString(CultureInfo.InvariantCulture) ?? None);

    public static NamedValue Of(string name, ulong value) => new(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>The shortest text that gives the number back.</summary>
    public static NamedValue Of(string name, double? value) => new(name, value?.ToString("R", CultureInfo.InvariantCulture) ?? None);

    public static NamedValue Of(string name, IEnumerable<int> values) =>
        new(name, string.Join(',', values.Select(value => value.ToString(CultureInfo.InvariantCulture))));

    public static NamedValue Of(string name, IEnumerable<double>? values) =>
        new(name, values is null ? None : string.Join(',', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture))));
}
