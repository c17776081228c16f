using System.Text;

namespace Skipwise.Tokenizers;

/// <summary>
/// The alphabet of byte-level vocabularies (GPT-2): one visible character for each byte. Printable Latin-1 characters represent
/// themselves; the other 68 bytes are represented, in order, by the characters from U+0100 on (a space by Ġ).
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] s_characters = MakeCharacters();
    private static readonly Dictionary<char, byte> s_bytes =
        s_characters.Select((c, b) => (c, b)).ToDictionary(x => x.c, x => (byte)x.b);

    public static char ToCharacter(byte value) => s_characters[value];

    /// <summary>The bytes of a piece. For a piece with characters outside the alphabet (an added token), its UTF-8 bytes.</summary>
    public static byte[] ToBytes(string piece) =>
        piece.All(s_bytes.ContainsKey) ? [.. piece.Select(c => s_bytes[c])] : Encoding.UTF8.GetBytes(piece);

    private static char[] MakeCharacters()
    {
        char next = '\u0100';
        return [.. Enumerable.Range(0, 256).Select(b =>
            b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : next++)];
    }
}
