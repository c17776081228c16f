using System.Buffers.Binary;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats.Llama2c;

/// <summary>
/// The sizes at the beginning of a llama2.c checkpoint. Version 0 has seven int32; a negative vocabulary size means an untied head.
/// Version 1 has "ak42", its version, the same seven int32 and a byte for the tied head, padded to 256 bytes.
/// </summary>
/// <param name="DataStart">first byte of the weights</param>
internal sealed record Llama2cHeader(int Version, long DataStart, int Dim, int Hidden, int Layers, int Heads, int KeyValueHeads,
    int Vocabulary, int Window, bool Tied)
{
    public const int Size = 256;
    private const uint Magic = 0x616B3432; // "ak42"
    private const int Sizes = 7;

    public int HeadDim => Dim / Heads;

    /// <summary>The model's configuration: these sizes and llama2.c's built-in constants.</summary>
    public DecoderConfig Model => new()
    {
        VocabSize = Vocabulary,
        HiddenSize = Dim,
        IntermediateSize = Hidden,
        NumHiddenLayers = Layers,
        NumAttentionHeads = Heads,
        NumKeyValueHeads = KeyValueHeads,
        HeadDim = HeadDim,
        NormEps = 1e-5,
        TieWordEmbeddings = Tied,
        MaxPositionEmbeddings = Window,
        Rope = new() { OriginalMaxPositionEmbeddings = Window },
        BosTokenId = 1,
        EosTokenId = 2,
    };

    /// <summary>Parses a header.</summary>
    /// <param name="bytes">the file's first 256 bytes, or all it has</param>
    /// <param name="path">for error messages</param>
    /// <exception cref="SkipwiseException">the bytes are no such header</exception>
    public static Llama2cHeader Parse(ReadOnlySpan<byte> bytes, string path)
    {
        bool isNew = bytes.Length >= Size && U32(bytes, 0) == Magic;
        int version = isNew ? I32(bytes, 4) : 0, at = isNew ? 8 : 0;
        if (version is not (0 or 1))
        {
            throw Wrong(path,
                $"version {version} of the llama2.c format (2 holds 8-bit weights); versions 0 and 1 are read. Export it again with " +
                $"--version 1");
        }
        if (bytes.Length < at + (Sizes * sizeof(int)))
        {
            throw Wrong(path, $"{bytes.Length} bytes are too few for a llama2.c checkpoint: it is empty or cut off");
        }
        int[] n = new int[Sizes];
        for (int i = 0; i < Sizes; i++)
        {
            n[i] = I32(bytes, at + (i * sizeof(int)));
        }
        bool tied = isNew ? bytes[at + (Sizes * sizeof(int))] != 0 : n[5] > 0;
        int vocabulary = isNew ? n[5] : n[5] == int.MinValue ? 0 : Math.Abs(n[5]);
        var header = new Llama2cHeader(version, isNew ? Size : Sizes * sizeof(int), n[0], n[1], n[2], n[3], n[4], vocabulary, n[6], tied);
        bool fits = header is
        {
            Dim: > 0 and <= DecoderConfigReader.WidestLayer,
            Hidden: > 0 and <= 16 * DecoderConfigReader.WidestLayer,
            Layers: > 0 and <= DecoderConfigReader.MostLayers,
            Heads: > 0,
            KeyValueHeads: > 0,
            Vocabulary: > 0 and <= DecoderConfigReader.LargestVocabulary,
            Window: > 0 and <= JsonSection.LargestCount,
        }
            && header.Dim % header.Heads == 0 && header.Heads % header.KeyValueHeads == 0
            && header.HeadDim % 2 == 0 && header.HeadDim <= DecoderConfigReader.LargestHead;
        return fits
            ? header
            : throw Wrong(path,
                $"no llama2.c checkpoint: it begins with dim {n[0]}, hidden {n[1]}, layers {n[2]}, heads {n[3]}, key/value heads {n[4]}, " +
                $"vocabulary {n[5]}, window {n[6]}");
    }

    private static SkipwiseException Wrong(string path, string what) => new($"{path}: {what}");
    private static int I32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadInt32LittleEndian(bytes[at..]);
    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
}
