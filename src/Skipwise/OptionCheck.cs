using System.Collections;
using System.Globalization;
using System.Reflection;

namespace Skipwise;

/// <summary>
/// Holds options records against the bounds that their properties carry (<see cref="WithinAttribute"/>,
/// <see cref="PathNameAttribute"/>), with all records inside them. Recipes ask before they read or compute anything.
/// </summary>
internal static class OptionCheck
{
    /// <param name="what">what the options are of: the beginning of the error</param>
    /// <param name="further">what is wrong besides: rules between several options</param>
    /// <exception cref="SkipwiseException">something is out of bounds; names all of it</exception>
    public static void Require(string what, object options, params IEnumerable<string> further)
    {
        string[] problems = [.. Problems(options), .. further];
        if (problems.Length > 0)
        {
            throw new SkipwiseException($"{what}: {string.Join("; ", problems)}.");
        }
    }

    /// <summary>What is out of bounds, one text each.</summary>
    public static IEnumerable<string> Problems(object options) =>
        options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.CanWrite && property.GetIndexParameters().Length == 0)
            .SelectMany(property => Problems(property, property.GetValue(options)));

    private static IEnumerable<string> Problems(PropertyInfo property, object? value)
    {
        WithinAttribute? bounds = property.GetCustomAttribute<WithinAttribute>();
        bool isPath = property.GetCustomAttribute<PathNameAttribute>() is not null;
        if (bounds is null && value is IReadOnlyCollection<int>)
        {
            yield break; // may be long: a prompt
        }
        object[] parts = value switch
        {
            null => [],
            IDictionary map => [.. map.Values.OfType<object>()],
            IEnumerable list and not string => [.. list.OfType<object>()],
            _ => [value],
        };
        string verb = value is IEnumerable and not string ? "has" : "is";
        foreach (object part in parts)
        {
            if (bounds is not null)
            {
                double number = Convert.ToDouble(part, CultureInfo.InvariantCulture);
                if (!bounds.Holds(number))
                {
                    yield return FormattableString.Invariant(
                        $"{OptionName.Of(property)} {verb} {part}; it must be {bounds.Words(number)}");
                }
            }
            else if (isPath)
            {
                if (part is "" || (part is string text && text.Contains('\0', StringComparison.Ordinal)))
                {
                    yield return $"{OptionName.Of(property)} {verb} "
                        + $"{(part is "" ? "an empty text" : "a text with a NUL character")}, which names no file or folder";
                }
            }
            else if (part is Enum && !Enum.IsDefined(part.GetType(), part))
            {
                yield return $"{OptionName.Of(property)} {verb} {part}, which does not exist";
            }
            else if (part.GetType() is { IsClass: true } type && type.Assembly == typeof(OptionCheck).Assembly)
            {
                foreach (string problem in Problems(part))
                {
                    yield return problem;
                }
            }
        }
    }
}
