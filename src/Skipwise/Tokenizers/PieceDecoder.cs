using System.Globalization;
using System.Text;
using Skipwise.Storage;

namespace Skipwise.Tokenizers;

/// <summary>
/// Decodes pieces of a vocabulary to text. Each piece has some bytes, and the bytes of consecutive pieces are decoded as UTF-8. A
/// character may span several pieces.
/// </summary>
/// <param name="Spell">the bytes of a piece</param>
/// <param name="StripsLeadingSpace">whether one leading space was added by the tokenizer and is removed</param>
/// <param name="SpellFirst">the bytes of a piece at the beginning of a text; null: the same as elsewhere</param>
internal sealed record PieceDecoder(Func<string, byte[]> Spell, bool StripsLeadingSpace, Func<string, byte[]>? SpellFirst = null)
{
    /// <summary>The decoder of SentencePiece: ▁ is a space, &lt;0x0A&gt; is a byte.</summary>
    public static PieceDecoder SentencePiece(bool byteFallback, bool stripsLeadingSpace) => new(
        piece => byteFallback && ByteOf(piece) is { } value
            ? [value]
            : Encoding.UTF8.GetBytes(piece.Replace(Normalizers.Metaspace, " ", StringComparison.Ordinal)),
        stripsLeadingSpace);

    /// <summary>The decoder of GPT-2: one character per byte.</summary>
    public static PieceDecoder ByteLevel { get; } = new(ByteAlphabet.ToBytes, StripsLeadingSpace: false);

    /// <summary>Reads the decoder of a tokenizer.json.</summary>
    public static PieceDecoder Read(LocatedJson? place)
    {
        Func<string, string> rewrite = piece => piece;
        string? dropped = null;
        bool byteLevel = false, byteFallback = false, fused = false, strips = false;
        Visit(place);
        return new PieceDecoder(Spell, strips, dropped is null ? null : SpellFirst);

        byte[] SpellFirst(string piece) => Spell(piece.Replace(dropped, "", StringComparison.Ordinal));

        byte[] Spell(string piece) => byteFallback && ByteOf(piece) is { } value ? [value]
            : byteLevel ? ByteAlphabet.ToBytes(rewrite(piece))
            : Encoding.UTF8.GetBytes(rewrite(piece));

        void Visit(LocatedJson? part)
        {
            if (part is not { } decoder)
            {
                return;
            }
            string type = decoder.Get("type").Text;
            switch (type)
            {
                case "Sequence":
                    foreach (var item in decoder.Get("decoders").Items())
                    {
                        Visit(item);
                    }
                    break;
                case "ByteLevel":
                    byteLevel = true;
                    break;
                case "ByteFallback":
                    byteFallback = true;
                    break;
                case "Fuse":
                    fused = true; // bytes are always concatenated
                    break;
                case "Replace" when decoder.Get("pattern").Find("String")?.Text is { Length: > 0 } literal:
                    AddRewrite(literal, decoder.Get("content").Text);
                    break;
                case "Metaspace":
                    string mark = decoder.Find("replacement")?.Text ?? Normalizers.Metaspace;
                    AddRewrite(mark, " ");
                    dropped = decoder.Find("prepend_scheme")?.Text != "never" && decoder.Flag("add_prefix_space", true) ? mark : null;
                    break;
                case "Strip" when decoder.Get("content").Text == " " && decoder.Get("start").Number is 0 or 1
                && decoder.Get("stop").Number == 0:
                    strips = decoder.Get("start").Number == 1;
                    if (strips && !fused)
                    {
                        throw decoder.Error("strips before the pieces are fused, so every piece; Skipwise reads Strip behind Fuse");
                    }
                    break;
                default:
                    throw decoder.Error($"is a decoder of type \"{type}\" (or with settings) that Skipwise does not know");
            }
        }

        void AddRewrite(string from, string to)
        {
            var before = rewrite;
            rewrite = piece => before(piece).Replace(from, to, StringComparison.Ordinal);
        }
    }

    /// <summary>The byte of a piece such as &lt;0x0A&gt;; null for any other piece.</summary>
    public static byte? ByteOf(string piece) =>
        piece is ['<', '0', 'x', _, _, '>']
        && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value
            : null;
}
