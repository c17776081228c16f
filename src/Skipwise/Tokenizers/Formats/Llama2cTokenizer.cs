using System.Buffers.Binary;
using System.Text;
using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads llama2.c's tokenizer.bin: the longest piece's length, then for every id its score (float32), length (int32) and bytes. It is a
/// SentencePiece model without its settings, which are built into llama2.c. This adds the settings and uses the SentencePiece reader.
/// </summary>
internal static class Llama2cTokenizer
{
    private const string Pattern = "tok*.bin";
    private const int PieceHeader = 8, UnknownId = 0, BosId = 1, EosId = 2, FirstByteId = 3;

    // Piece types with SentencePiece's numbers.
    private const int Normal = 1, Unknown = 2, Control = 3, Byte = 6;

    /// <summary>Finds the tokenizer of a folder; null if there is none, or several and none is named tokenizer.bin.</summary>
    public static string? Find(string folder)
    {
        string[] files = Directory.GetFiles(folder, Pattern);
        return files is [string only] ? only : Array.Find(files, file => Path.GetFileName(file) == "tokenizer.bin");
    }

    /// <summary>Loads a tokenizer.bin.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read or is no such tokenizer</exception>
    public static BpeTokenizer Load(string path, TokenizerSettings settings)
    {
        try
        {
            return SentencePieceModel.Parse(ToSentencePiece(Pieces(InputFile.ReadBytes(path))), path, settings);
        }
        catch (FormatException e)
        {
            throw new SkipwiseException($"{path}: not a tokenizer of llama2.c: {e.Message}", e);
        }
    }

    private static List<(byte[] Text, float Score)> Pieces(ReadOnlySpan<byte> file)
    {
        if (file.Length < sizeof(int))
        {
            throw new FormatException($"{file.Length} bytes are too few");
        }
        int longest = BinaryPrimitives.ReadInt32LittleEndian(file);
        var pieces = new List<(byte[], float)>();
        for (ReadOnlySpan<byte> rest = file[sizeof(int)..]; rest.Length > 0;)
        {
            int length = rest.Length < PieceHeader ? -1 : BinaryPrimitives.ReadInt32LittleEndian(rest[sizeof(float)..]);
            if (length < 0 || length > longest || length > rest.Length - PieceHeader)
            {
                throw new FormatException($"piece {pieces.Count} is cut off, or {length} bytes long where {longest} are the most");
            }
            pieces.Add((rest.Slice(PieceHeader, length).ToArray(), BinaryPrimitives.ReadSingleLittleEndian(rest)));
            rest = rest[(PieceHeader + length)..];
        }
        return pieces.Count > FirstByteId ? pieces : throw new FormatException($"it holds {pieces.Count} pieces");
    }

    private static byte[] ToSentencePiece(List<(byte[] Text, float Score)> pieces)
    {
        using var model = new MemoryStream();
        bool hasBytes = pieces.Count >= FirstByteId + 256 && Encoding.UTF8.GetString(pieces[FirstByteId].Text) == "<0x00>";
        for (int id = 0; id < pieces.Count; id++)
        {
            string spelled = Encoding.UTF8.GetString(pieces[id].Text).Replace(" ", Normalizers.Metaspace, StringComparison.Ordinal);
            (string text, int kind) = id switch
            {
                UnknownId => (spelled, Unknown),
                BosId => ("<s>", Control), // "\n<s>\n" in the file
                EosId => ("</s>", Control),
                _ when hasBytes && id < FirstByteId + 256 => (spelled, Byte),
                _ => (spelled, Normal),
            };
            Message(model, 1, [.. Message(1, Encoding.UTF8.GetBytes(text)), .. Single(2, pieces[id].Score), .. Number(3, kind)]);
        }
        const int bytePairEncoding = 2;
        Message(model, 2, [.. Number(3, bytePairEncoding), .. Number(35, hasBytes ? 1 : 0), .. Number(41, BosId), .. Number(42, EosId)]);
        // add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces
        Message(model, 3, [.. Number(3, 1), .. Number(4, 0), .. Number(5, 1)]);
        return model.ToArray();
    }

    private static void Message(MemoryStream stream, int field, byte[] content) => stream.Write(Message(field, content));

    private static byte[] Message(int field, byte[] content) => [.. Varint(field << 3 | 2), .. Varint(content.Length), .. content];

    private static byte[] Number(int field, int value) => [.. Varint(field << 3), .. Varint(value)];

    private static byte[] Single(int field, float value) => [.. Varint(field << 3 | 5), .. BitConverter.GetBytes(value)];

    private static IEnumerable<byte> Varint(int value)
    {
        for (uint rest = (uint)value; ; rest >>= 7)
        {
            if (rest < 0x80)
            {
                yield return (byte)rest;
                yield break;
            }
            yield return (byte)(rest & 0x7F | 0x80);
        }
    }
}
