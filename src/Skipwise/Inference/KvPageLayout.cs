using Skipwise.Kernels.Decoding;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// How the rotated keys and the values of <see cref="PageTokens"/> tokens of one text lie in a page of memory:
/// [layers][keys, values][kv heads][tokens][D].
/// </summary>
/// <param name="config">of the model</param>
/// <param name="dtype">element type; Int8: integers in blocks with scales (<see cref="WeightFormat.Int8Blocks"/>)</param>
internal sealed class KvPageLayout(DecoderConfig config, ScalarType dtype)
{
    /// <summary>tokens of a page</summary>
    public const int PageTokens = 256;

    /// <summary>element type</summary>
    public ScalarType Dtype => dtype;

    /// <summary>Whether it is <see cref="WeightFormat.Int8Blocks"/>.</summary>
    public bool IsQuantized => dtype == ScalarType.Int8;

    /// <summary>how the numbers of a row lie in memory; null for types that <see cref="CpuDecoder"/> does not read</summary>
    public WeightFormat? Format => IsQuantized ? WeightFormat.Int8Blocks : DecoderWeights.FormatOf(dtype);

    /// <summary>bytes of the key, or the value, of one token and head</summary>
    public long RowBytes => IsQuantized ? config.HeadDim / Int8BlockFormat.BlockSize * Int8BlockFormat.BlockBytes
        : config.HeadDim * dtype.ElementSize();

    /// <summary>element type of a page as a tensor: bytes where it is quantized</summary>
    public ScalarType MemoryType => IsQuantized ? ScalarType.Byte : dtype;

    /// <summary>shape of a page as a tensor</summary>
    public long[] Shape =>
        [config.NumHiddenLayers, 2, config.NumKeyValueHeads, PageTokens, RowBytes / MemoryType.ElementSize()];

    /// <summary>size of a page</summary>
    public long PageBytes => Offset(config.NumHiddenLayers, 0, 0);

    /// <summary>Bytes from a page's start to a head's matrix [<see cref="PageTokens"/>, D] in a layer.</summary>
    /// <param name="layer">index of the layer</param>
    /// <param name="part">0: keys; 1: values</param>
    /// <param name="kvHead">index of the head</param>
    public long Offset(int layer, int part, int kvHead) =>
        ((((2L * layer) + part) * config.NumKeyValueHeads) + kvHead) * PageTokens * RowBytes;

    /// <summary>The layout for a type of cache.</summary>
    /// <param name="dtype">of the model's computation</param>
    public static KvPageLayout Of(DecoderConfig config, KvCacheType type, ScalarType dtype) => new(config, type switch
    {
        KvCacheType.Float32 => ScalarType.Float32,
        KvCacheType.Bfloat16 => ScalarType.BFloat16,
        KvCacheType.Float16 => ScalarType.Float16,
        KvCacheType.Int8 => ScalarType.Int8,
        _ => dtype,
    });

    /// <summary>Whether heads of that many dimensions are whole blocks.</summary>
    public static bool CanQuantize(int headDim) => headDim % Int8BlockFormat.BlockSize == 0;

    /// <summary>pages that hold that many tokens</summary>
    public static int PagesFor(int tokens) => (tokens + PageTokens - 1) / PageTokens;
}
