using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Embedding, layers and final norm: token ids to hidden states.</summary>
public sealed class Decoder : nn.Module
{
    private readonly ModuleList<DecoderLayer> _layers;
    private readonly nn.Module<Tensor, Tensor> _norm;
    private readonly int? _window;
    private readonly int _firstSlidingLayer;

    public Decoder(DecoderConfig config, ScalarType dtype, Device device) : base(nameof(Decoder))
    {
        Embedding = new TokenEmbedding(config, dtype, device);
        _layers = new ModuleList<DecoderLayer>([.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new DecoderLayer(config, layer, dtype, device))]);
        _norm = Norms.Create(config, config.HiddenSize, dtype, device);
        (_window, _firstSlidingLayer) = (config.SlidingWindow, config.FirstSlidingLayer);
        register_module("embed_tokens", Embedding);
        register_module("layers", _layers);
        register_module("norm", _norm);
    }

    public TokenEmbedding Embedding { get; }

    /// <param name="inputIds">int64 [B, T]</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Forward(Tensor inputIds, Rotary rotary, KvCache? cache)
    {
        using var scope = NewDisposeScope();
        Tensor hidden = Embedding.forward(inputIds);
        int tokens = (int)inputIds.size(1);
        AttentionMask Mask(int? window) => AttentionMask.For(tokens, cache?.Length ?? 0, window, Embedding.weight.dtype, inputIds.device);
        AttentionMask sliding = Mask(_window), full = _firstSlidingLayer > 0 ? Mask(null) : sliding;
        foreach ((int index, DecoderLayer layer) in _layers.Index())
        {
            using Tensor input = hidden; // freed before the next layer runs; when training, the graph keeps what it needs
            hidden = layer.Forward(input, rotary, index < _firstSlidingLayer ? full : sliding, cache);
        }
        cache?.Advance(tokens);
        return _norm.forward(hidden).MoveToOuterDisposeScope();
    }
}
