using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace Skipwise;

/// <summary>
/// An option in a text of the library, by type and property: <c>PoseOptions.TargetLength</c>. A caller sets properties and knows no flag;
/// the command line puts the flag of the running command in its place.
/// </summary>
internal static partial class OptionName
{
    /// <summary>The name in a text.</summary>
    /// <param name="property">name of the property</param>
    /// <param name="nameOf">the argument as written, <c>nameof(PoseOptions.TargetLength)</c>: the compiler checks both parts</param>
    /// <exception cref="ArgumentException">the argument is not written as nameof(Type.Property)</exception>
    public static string Of(string property, [CallerArgumentExpression(nameof(property))] string nameOf = "") =>
        Argument().Match(nameOf) is { Success: true } parts && parts.Groups[2].Value == property
            ? $"{parts.Groups[1].Value}.{property}"
            : throw new ArgumentException($"{nameOf}: write nameof(Type.Property)", nameof(property));

    /// <summary>The name of a property that was found by reflection.</summary>
    public static string Of(PropertyInfo property) => $"{property.DeclaringType!.Name}.{property.Name}";

    /// <summary>Replaces each name in a text.</summary>
    /// <param name="text">a text of the library</param>
    /// <param name="wordOf">the word for a name; null: the property's name in small words, such as "target length"</param>
    public static string Replace(string text, Func<string, string?> wordOf) => Name().Replace(text, name =>
        s_known.Value.Contains(name.Value) ? wordOf(name.Value) ?? Words(name.Groups[1].Value) : name.Value);

    /// <summary>A text for readers who have neither the command nor the program before them, such as those of a report.</summary>
    public static string InWords(string text) => Replace(text, _ => null);

    /// <summary>"target length"</summary>
    private static string Words(string property) => Capital().Replace(property, " $0").ToLowerInvariant();

    // Types that can be set: a text may hold other names with a point in them, such as files'.
    private static readonly Lazy<HashSet<string>> s_known = new(() =>
    [
        .. typeof(OptionName).Assembly.GetTypes().Where(type => type is { IsClass: true, IsAbstract: false })
            .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(property => property.CanWrite).Select(Of),
    ]);

    [GeneratedRegex(@"^nameof\((?:\w+\.)*(\w+)\.(\w+)\)$")]
    private static partial Regex Argument();

    [GeneratedRegex(@"(?<![\w./\\-])[A-Z]\w+\.([A-Z]\w+)(?![\w/\\-]|\.\w)")]
    private static partial Regex Name();

    [GeneratedRegex("(?<=[a-z0-9])[A-Z]")]
    private static partial Regex Capital();
}
