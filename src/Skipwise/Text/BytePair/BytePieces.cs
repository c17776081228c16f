using System.Text;
using System.Text.RegularExpressions;

namespace Skipwise.Text.BytePair;

/// <summary>
/// Cuts a text into the pieces that merges never cross, each written in GPT-2's printable alphabet of 256 characters, one per
/// UTF-8 byte: what Hugging Face's pre-tokenizers Digits (one by one) and ByteLevel do.
/// </summary>
internal static partial class BytePieces
{
    private static readonly char[] s_characterOfByte = MakeAlphabet();

    /// <summary>The 256 characters in the order of their code points, as Hugging Face's trainer numbers them.</summary>
    public static IEnumerable<string> Alphabet => s_characterOfByte.Order().Select(static character => character.ToString());

    public static char ByteToCharacter(byte value) => s_characterOfByte[value];

    public static List<string> Cut(string text)
    {
        var pieces = new List<string>();
        foreach (ValueMatch match in Piece().EnumerateMatches(text))
        {
            pieces.Add(ToAlphabet(text.AsSpan(match.Index, match.Length)));
        }

        return pieces;
    }

    /// <summary>The UTF-8 bytes of a text, one printable character each.</summary>
    public static string ToAlphabet(ReadOnlySpan<char> text)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(text)];
        Encoding.UTF8.GetBytes(text, bytes);
        return string.Create(bytes.Length, bytes, static (characters, source) =>
        {
            for (int i = 0; i < source.Length; i++)
            {
                characters[i] = s_characterOfByte[source[i]];
            }
        });
    }

    // Bytes that print as themselves in Latin-1 keep their character; the others (space, control, 0x7F-0xA0, 0xAD) take 256, 257, ...
    private static char[] MakeAlphabet()
    {
        var characters = new char[256];
        int next = 256;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = (char)(printable ? value : next++);
        }
        return characters;
    }

    // GPT-2's pattern for a text that was cut at every digit first: a digit stands alone, and the end of a run of spaces
    // before a digit is the end of a part, so the run is not shortened there.
    [GeneratedRegex(@"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Piece();
}
