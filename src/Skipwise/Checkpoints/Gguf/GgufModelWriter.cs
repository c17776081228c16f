using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// Writes a model as one GGUF file. Its weights come under llama.cpp's names (<see cref="GgufArchitecture.StoredParameters"/>); here they
/// get their type, and the values that llama.cpp expects: reordered rows of queries and keys, norms with their offset, a normalized head.
/// </summary>
/// <param name="path">of the file; replaced only if Skipwise wrote it</param>
/// <param name="model">with its effective rope</param>
/// <param name="type">of matrices; vectors are float32</param>
/// <param name="metadata">complete but for what is said about the weights</param>
internal sealed class GgufModelWriter(string path, GgufArchitecture architecture, DecoderConfig model, GgufType type, GgufMetadata metadata)
    : IWeightWriter
{
    private const uint QuantizationVersion = 2; // of ggml's block types
    private const string Head = "output.weight", Embedding = "token_embd.weight";

    /// <summary>Tensors that are besides the weights.</summary>
    public IReadOnlyList<GgufTensor> Others { get; init; } = [];

    /// <summary>Ends the writing between two pieces of a tensor.</summary>
    public CancellationToken Stop { get; init; }

    /// <summary>The tensors of the last file that was written.</summary>
    public IReadOnlyList<GgufTensor> Written { get; private set; } = [];

    /// <inheritdoc/>
    public void Write(IReadOnlyList<OutputTensor> tensors)
    {
        Written = [.. tensors.Select(tensor => new GgufTensor(tensor.Name, tensor.Shape, TypeOf(tensor), () => Parts(tensor))), .. Others];
        metadata.Add("general.file_type", type.FileType);
        metadata.Add("general.quantization_version", type.Stored.Blocks is null ? null : QuantizationVersion);
        ResultFile.Write(path, stream => GgufWriter.Write(stream, path, metadata, Written, Stop));
    }

    /// <summary>
    /// Vectors are float32. Rows that fill no blocks are float16. The head keeps 8 bits where matrices get 4, because its
    /// rounding errors go straight into the logits (llama.cpp's own quantizer keeps 6).
    /// </summary>
    private GgufType TypeOf(OutputTensor tensor) =>
        tensor.Shape.Count == 1 ? GgufType.F32
        : tensor.Shape[^1] % type.BlockElements != 0 ? GgufType.F16
        : type == GgufType.Q40 && tensor.Name == (model.TieWordEmbeddings ? Embedding : Head) ? GgufType.Q80
        : type;

    private IEnumerable<Tensor> Parts(OutputTensor tensor)
    {
        bool isHead = tensor.Name == Head;
        foreach ((RowBlock block, Tensor part) in tensor.Blocks.Zip(tensor.Parts))
        {
            if (isHead && model.NormalizedHead)
            {
                foreach (Tensor rows in NormalizedRows.Of(part))
                {
                    yield return rows;
                }
            }
            else if (architecture.ReorderedHeads(block.Canonical, model) is { } heads)
            {
                yield return Interleaved(part, heads);
            }
            else if (architecture.AddedTo(block.Canonical) is var added and not 0)
            {
                yield return part.to(ScalarType.Float32).add(added);
            }
            else
            {
                yield return part;
            }
        }
    }

    /// <summary>Rows of each head in the order 0, D/2, 1, D/2 + 1, ...: the dimensions that rotate together become neighbors.</summary>
    /// <param name="rows">[heads * D, ...]</param>
    private static Tensor Interleaved(Tensor rows, int heads)
    {
        using var scope = NewDisposeScope();
        long[] rest = rows.shape[1..];
        return rows.reshape([heads, 2, rows.shape[0] / heads / 2, .. rest]).transpose(1, 2).reshape(rows.shape).MoveToOuterDisposeScope();
    }
}
