using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>One decoder layer: attention and feed-forward, each after a norm and added to its input.</summary>
internal sealed class PeerLayer : nn.Module<Tensor, PeerRotation, Tensor>
{
    private readonly PeerNorm _attentionNorm, _feedForwardNorm;
    private readonly PeerAttention _attention;
    private readonly PeerFeedForward _feedForward;

    public PeerLayer(DecoderConfig config) : base(nameof(PeerLayer))
    {
        _attentionNorm = new(config.HiddenSize, config.NormEps);
        _attention = new(config);
        _feedForwardNorm = new(config.HiddenSize, config.NormEps);
        _feedForward = new(config);
        register_module("input_layernorm", _attentionNorm);
        register_module("self_attn", _attention);
        register_module("post_attention_layernorm", _feedForwardNorm);
        register_module("mlp", _feedForward);
    }

    /// <param name="input">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    public override Tensor forward(Tensor input, PeerRotation rotation)
    {
        using var scope = NewDisposeScope();
        Tensor middle = input + _attention.forward(_attentionNorm.forward(input), rotation);
        return (middle + _feedForward.forward(_feedForwardNorm.forward(middle))).MoveToOuterDisposeScope();
    }
}
