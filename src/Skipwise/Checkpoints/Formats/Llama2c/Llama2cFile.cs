using Microsoft.Win32.SafeHandles;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats.Llama2c;

/// <summary>
/// A checkpoint of llama2.c: a header, then float32 weights kind after kind, each for all layers. Its tensors get Hugging Face's Llama
/// names. llama2.c rotates neighbouring rows of a head, (0, 1), (2, 3), ...; Hugging Face rotates row i with row i + D/2. So query and key
/// rows are read in the order evens, odds.
/// </summary>
internal sealed class Llama2cFile : TensorFile
{
    private const int FloatBytes = sizeof(float);
    private const string Ending = ".bin";
    private static readonly StoredType s_float = StoredType.FromName("F32")!;
    private static readonly Dictionary<string, string> s_metadata = new() { ["format"] = "pt" };

    private Llama2cFile(string path, SafeFileHandle handle, Llama2cHeader header, IEnumerable<TensorEntry> tensors)
        : base(path, handle, tensors, s_metadata) => Header = header;

    internal Llama2cHeader Header { get; }

    /// <summary>
    /// Finds the checkpoint of a model's path: the path itself if it is a file; in a folder without config.json the only .bin file that is
    /// no tokenizer (tok*.bin). Null if there is none.
    /// </summary>
    public static string? Find(string model)
    {
        if (File.Exists(model))
        {
            return model;
        }
        if (!Directory.Exists(model) || File.Exists(System.IO.Path.Combine(model, HfConfig.FileName)))
        {
            return null;
        }
        string[] files =
            [.. Directory.EnumerateFiles(model, "*" + Ending)
                .Where(file => System.IO.Path.GetFileName(file) is { } name && !name.StartsWith("tok", StringComparison.Ordinal)
                    && !name.StartsWith("pytorch_model", StringComparison.Ordinal))];
        return files is [string only] ? only : null;
    }

    /// <summary>Opens a checkpoint and reads its header.</summary>
    /// <exception cref="SkipwiseException">there is no such file, or its length contradicts its header</exception>
    public static Llama2cFile Open(string path) => Open(path, handle =>
    {
        long length = RandomAccess.GetLength(handle);
        var header = Llama2cHeader.Parse(FileBytes.Read(handle, 0, (int)Math.Min(length, Llama2cHeader.Size), path), path);
        Kind[] kinds = [.. Kinds(header)];
        Int128 expected = header.DataStart + (kinds.Aggregate((Int128)0, (sum, kind) => sum + kind.Elements) * FloatBytes);
        return length == expected
            ? new Llama2cFile(path, handle, header, Entries(header, kinds))
            : throw new SkipwiseException(
                $"{path}: {length} bytes; its header (dim {header.Dim}, hidden {header.Hidden}, layers {header.Layers}, vocabulary " +
                $"{header.Vocabulary}, window {header.Window}) calls for {expected}. The file is cut off, or no llama2.c checkpoint");
    });

    /// <summary>A kind of weights, one tensor for the model or one per layer.</summary>
    /// <param name="Name">Hugging Face's name with {0} for the layer; null for a table that is not a weight</param>
    /// <param name="Heads">number of heads whose rows are stored in pairs; 0 if rows are in order</param>
    private readonly record struct Kind(string? Name, int Count, long Rows, long Columns = 1, int Heads = 0)
    {
        public Int128 Elements => (Int128)Count * Rows * Columns;
    }

    private static IEnumerable<Kind> Kinds(Llama2cHeader h)
    {
        const string layer = "model.layers.{0}.";
        int C = h.Dim, L = h.Layers, K = h.KeyValueHeads * h.HeadDim;
        Kind embedding = new(ModelFamily.EmbeddingName, 1, h.Vocabulary, C), lastNorm = new("model.norm.weight", 1, C);
        Kind attentionNorm = new(layer + "input_layernorm.weight", L, C),
            feedForwardNorm = new(layer + "post_attention_layernorm.weight", L, C);
        Kind[] attention =
        [
            new(layer + "self_attn.q_proj.weight", L, C, C, h.Heads),
            new(layer + "self_attn.k_proj.weight", L, K, C, h.KeyValueHeads),
            new(layer + "self_attn.v_proj.weight", L, K, C),
            new(layer + "self_attn.o_proj.weight", L, C, C),
        ];
        Kind[] feedForward =
        [
            new(layer + "mlp.gate_proj.weight", L, h.Hidden, C),
            new(layer + "mlp.down_proj.weight", L, C, h.Hidden),
            new(layer + "mlp.up_proj.weight", L, h.Hidden, C),
        ];
        Kind rotaryTables = new(null, 2, h.Window, h.HeadDim / 2);
        Kind[] head = h.Tied ? [] : [new(ModelFamily.HeadName, 1, h.Vocabulary, C)];
        return h.Version == 0
            ? [embedding, attentionNorm, .. attention, feedForwardNorm, .. feedForward, lastNorm, rotaryTables, .. head]
            : [attentionNorm, feedForwardNorm, lastNorm, embedding, .. attention, .. feedForward, .. head];
    }

    private static IEnumerable<TensorEntry> Entries(Llama2cHeader header, IEnumerable<Kind> kinds)
    {
        long offset = header.DataStart;
        foreach (Kind kind in kinds)
        {
            long bytes = kind.Rows * kind.Columns * FloatBytes;
            for (int i = 0; i < kind.Count; i++, offset += bytes)
            {
                if (kind.Name is not null)
                {
                    bool isVector = kind.Name.EndsWith("norm.weight", StringComparison.Ordinal);
                    yield return new TensorEntry(kind.Name.Replace("{0}", $"{i}", StringComparison.Ordinal), s_float,
                        isVector ? [kind.Rows] : [kind.Rows, kind.Columns], offset, bytes)
                    {
                        View = kind.Heads > 0 ? EvensFirst(kind.Heads, header.HeadDim, kind.Columns) : null,
                    };
                }
            }
        }
    }

    /// <summary>The view [head, even or odd, pair, column] of rows that are stored as [head, pair, even or odd].</summary>
    private static StridedView EvensFirst(int heads, int headDim, long columns) =>
        new([heads, 2, headDim / 2, columns], [headDim * columns, columns, 2 * columns, 1]);
}
