using System.Text;
using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tokenizers.Training;

/// <summary>
/// Splits a text into the pieces that merges never cross, in the <see cref="ByteAlphabet"/>: Hugging Face's pre-tokenizers Digits
/// (individual digits) and ByteLevel in one expression.
/// </summary>
internal static class BytePairPieces
{
    // GPT-2's pattern for a text that was first split at every digit: a digit is a separate piece, and white space before a digit is the
    // end of its part, so the run keeps its last space there.
    private static readonly CodePointRegex s_piece = CodePointRegex.Compile(
        @"\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?[^\s\p{L}\p{N}]+|\s+(?![^\s\p{N}])|\s+");

    /// <summary>The 256 characters in the order of their code points, as in Hugging Face's trainer.</summary>
    public static IEnumerable<string> Alphabet =>
        Enumerable.Range(0, 256).Select(value => ByteAlphabet.ToCharacter((byte)value)).Order().Select(character => character.ToString());

    public static IEnumerable<string> Cut(string text) =>
        s_piece.Matches(text).Select(match => Spell(text.AsSpan(match.Start, match.End - match.Start)));

    private static string Spell(ReadOnlySpan<char> piece)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
        Encoding.UTF8.GetBytes(piece, bytes);
        return string.Concat(bytes.Select(ByteAlphabet.ToCharacter));
    }
}
