using System.Buffers.Binary;
using System.Text;
using Skipwise.Storage;

namespace Skipwise.Tokenizers.Formats;

/// <summary>
/// Reads llama2.c's tokenizer.bin: the longest piece's length, then for every id its score (float32), length (int32) and bytes. It is a
/// SentencePiece model without its settings, which are built into llama2.c. This adds the settings.
/// </summary>
internal static class Llama2cTokenizer
{
    private const string Pattern = "tok*.bin";
    private const int PieceHeader = 8, UnknownId = 0, BosId = 1, EosId = 2, FirstByteId = 3;

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
            return SentencePieceBpe.Create(ToSentencePiece(Pieces(InputFile.ReadBytes(path))), settings);
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

    private static TokenizerModel ToSentencePiece(List<(byte[] Text, float Score)> pieces)
    {
        bool hasBytes = pieces.Count >= FirstByteId + 256 && Encoding.UTF8.GetString(pieces[FirstByteId].Text) == "<0x00>";
        return new TokenizerModel
        {
            Kind = TokenizerKind.SentencePieceBpe,
            Pieces = [.. pieces.Select((piece, id) => ToSentencePiece(piece.Text, piece.Score, id, hasBytes))],
            HasScores = true,
            HasByteFallback = hasBytes,
            AddsPrefixSpace = true,
            EscapesWhitespace = true,
            BosId = BosId,
            EosId = EosId,
            AddsBos = true,
        };
    }

    private static TokenizerPiece ToSentencePiece(byte[] bytes, float score, int id, bool hasBytes)
    {
        string text = Encoding.UTF8.GetString(bytes).Replace(" ", Normalizers.Metaspace, StringComparison.Ordinal);
        return id switch
        {
            UnknownId => new(text, TokenType.Unknown, score),
            BosId => new("<s>", TokenType.Control, score), // "\n<s>\n" in the file
            EosId => new("</s>", TokenType.Control, score),
            _ => new(text, hasBytes && id < FirstByteId + 256 ? TokenType.Byte : TokenType.Normal, score),
        };
    }
}
