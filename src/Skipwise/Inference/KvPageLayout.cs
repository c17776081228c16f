using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// How the rotated keys and the values of <see cref="PageTokens"/> tokens of one text lie in a page of memory:
/// [layers][keys, values][kv heads][tokens][D].
/// </summary>
internal sealed class KvPageLayout(DecoderConfig config, ScalarType dtype)
{
    /// <summary>tokens of a page</summary>
    public const int PageTokens = 256;

    /// <summary>element type</summary>
    public ScalarType Dtype => dtype;

    /// <summary>shape of a page as a tensor</summary>
    public long[] Shape => [config.NumHiddenLayers, 2, config.NumKeyValueHeads, PageTokens, config.HeadDim];

    /// <summary>size of a page</summary>
    public long PageBytes => Offset(config.NumHiddenLayers, 0, 0);

    /// <summary>Bytes from a page's start to a head's matrix [<see cref="PageTokens"/>, D] in a layer.</summary>
    /// <param name="layer">index of the layer</param>
    /// <param name="part">0: keys; 1: values</param>
    /// <param name="kvHead">index of the head</param>
    public long Offset(int layer, int part, int kvHead) =>
        ((((2L * layer) + part) * config.NumKeyValueHeads) + kvHead) * PageTokens * config.HeadDim * dtype.ElementSize();

    /// <summary>pages that hold that many tokens</summary>
    public static int PagesFor(int tokens) => (tokens + PageTokens - 1) / PageTokens;
}
