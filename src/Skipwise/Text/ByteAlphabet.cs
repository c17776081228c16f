using System.Text;

namespace Skipwise.Text;

/// <summary>
/// The alphabet of byte-level vocabularies (GPT-2): one visible character for each byte. Printable Latin-1 characters stand for
/// themselves; the other 68 bytes are, in order, the characters from U+0100 (so a space is Ġ).
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = MakeCharacters();
    private static readonly Dictionary<char, byte> Bytes =
        Characters.Select((c, b) => (c, b)).ToDictionary(x => x.c, x => (byte)x.b);

    public static char ToCharacter(byte value) => Characters[value];

    /// <summary>The bytes that a piece spells; a piece with characters outside the alphabet (an added token) spells its own UTF-8.</summary>
    public static byte[] ToBytes(string piece) =>
        piece.All(Bytes.ContainsKey) ? [.. piece.Select(c => Bytes[c])] : Encoding.UTF8.GetBytes(piece);

    private static char[] MakeCharacters()
    {
        char next = '\u0100';
        return [.. Enumerable.Range(0, 256).Select(b =>
            b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : next++)];
    }
}
