using System.Security.Cryptography;
using System.Text;
using Skipwise.Models;

namespace Skipwise.Reproduction;

/// <summary>Names of cached files: 16 hexadecimal digits of SHA-256.</summary>
internal static class CacheKey
{
    /// <summary>The key of a text.</summary>
    public static string OfText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));

    /// <summary>The key of named values, in any order.</summary>
    public static string Of(IEnumerable<NamedValue> values) =>
        OfText(string.Concat(values.Where(value => !value.IsMissing).OrderBy(value => value.Name, StringComparer.Ordinal)
            .Select(value => $"{value.Name}={value.Value}\n")));
}
