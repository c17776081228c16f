using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>Names of cached files: 16 hexadecimal digits of SHA-256.</summary>
internal static class CacheKey
{
    /// <summary>The key of named values, in any order.</summary>
    public static string Of(IEnumerable<NamedValue> values) =>
        ContentHash.OfText(string.Concat(values.Where(value => !value.IsMissing).OrderBy(value => value.Name, StringComparer.Ordinal)
            .Select(value => $"{value.Name}={value.Value}\n")));
}
