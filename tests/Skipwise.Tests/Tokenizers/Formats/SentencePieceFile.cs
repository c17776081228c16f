using System.Buffers.Binary;
using System.Text;

namespace Skipwise.Tests.Tokenizers.Formats;

/// <summary>Writes SentencePiece's ModelProto, field by field.</summary>
internal static class SentencePieceFile
{
    public const int Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6;

    public static byte[] Make(
        IEnumerable<(string Text, float Score, int Kind)> pieces, int modelType = 2, bool byteFallback = true, bool dummyPrefix = true,
        bool removeExtraWhitespaces = false, string characterMap = "")
    {
        var file = new List<byte>();
        foreach (var (text, score, kind) in pieces)
        {
            byte[] four = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(four, score);
            file.AddRange(Bytes(1, [.. Bytes(1, Encoding.UTF8.GetBytes(text)), 0x15, .. four, .. Number(3, kind)]));
        }
        file.AddRange(Bytes(2, [.. Number(3, modelType), .. Number(35, byteFallback ? 1 : 0), .. Number(41, 1), .. Number(42, 2)]));
        file.AddRange(Bytes(3, [.. Bytes(1, "identity"u8.ToArray()), .. Bytes(2, Encoding.UTF8.GetBytes(characterMap)),
            .. Number(3, dummyPrefix ? 1 : 0), .. Number(4, removeExtraWhitespaces ? 1 : 0), .. Number(5, 1)]));
        return [.. file];
    }

    /// <summary>unk, s, /s, 256 bytes, then the given pieces with the given scores.</summary>
    public static IEnumerable<(string, float, int)> Llama(params (string Text, float Score)[] pieces) =>
    [
        ("<unk>", 0, Unknown), ("<s>", 0, Control), ("</s>", 0, Control),
        .. Enumerable.Range(0, 256).Select(b => ($"<0x{b:X2}>", 0f, Byte)),
        .. pieces.Select(p => (p.Text, p.Score, Normal)),
    ];

    private static byte[] Number(int field, int value) => [.. Varint((uint)field << 3), .. Varint((uint)value)];

    private static byte[] Bytes(int field, byte[] content) =>
        [.. Varint(((uint)field << 3) | 2), .. Varint((uint)content.Length), .. content];

    private static IEnumerable<byte> Varint(uint value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            yield return (byte)(value | 0x80);
        }
        yield return (byte)value;
    }
}
