using System.Globalization;

namespace Skipwise.Models;

/// <summary>
/// A value that decides a result, as it is compared and hashed. Name and value are strings of their own, because C# names of properties and
/// enumeration members may change.
/// </summary>
/// <param name="Name">never changes: it is stored in files</param>
/// <param name="Value">in one canonical form; null: unknown now, and equal to any stored value</param>
/// <param name="Missing">
/// the value that a file without this name implies, which is what programs did before they knew the name; null for
/// the names of the first version
/// </param>
internal sealed record NamedValue(string Name, string? Value, string? Missing = null)
{
    /// <summary>The value of a setting that is absent.</summary>
    public const string None = "none";

    /// <summary>Whether files leave it out, so that an earlier program, which does not know the name, can still read the file.</summary>
    public bool IsMissing => Value is not null && Value == Missing;

    public static NamedValue Of(string name, bool value) => new(name, value ? "true" : "false");

    public static NamedValue Of(string name, int? value) => new(name, value?.ToString(CultureInfo.InvariantCulture) ?? None);

    public static NamedValue Of(string name, ulong value) => new(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>The shortest text that parses to the same number.</summary>
    public static NamedValue Of(string name, double? value) => new(name, value?.ToString("R", CultureInfo.InvariantCulture) ?? None);

    public static NamedValue Of(string name, IEnumerable<int> values) =>
        new(name, string.Join(',', values.Select(value => value.ToString(CultureInfo.InvariantCulture))));

    public static NamedValue Of(string name, IEnumerable<double>? values) =>
        new(name, values is null ? None : string.Join(',', values.Select(value => value.ToString("R", CultureInfo.InvariantCulture))));
}
