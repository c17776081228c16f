using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Pre-norm residual block: x + attention(norm(x)), then x + feed-forward(norm(x)).</summary>
public sealed class DecoderLayer : nn.Module
{
    private readonly Attention _attention;
    private readonly FeedForward _feedForward;
    private readonly RmsNorm _attentionNorm, _feedForwardNorm;

    public DecoderLayer(DecoderConfig config, int layer, ScalarType dtype, Device device) : base(nameof(DecoderLayer))
    {
        _attention = new Attention(config, layer, dtype, device);
        _feedForward = new FeedForward(config, dtype, device);
        _attentionNorm = new RmsNorm(config.HiddenSize, config.RmsNormEps, dtype, device);
        _feedForwardNorm = new RmsNorm(config.HiddenSize, config.RmsNormEps, dtype, device);
        register_module("self_attn", _attention);
        register_module("mlp", _feedForward);
        register_module("input_layernorm", _attentionNorm);
        register_module("post_attention_layernorm", _feedForwardNorm);
    }

    /// <param name="x">[B, T, C]</param>
    internal Tensor Forward(Tensor x, Rotary rotary, AttentionMask mask, KvCache? cache)
    {
        using var scope = NewDisposeScope();
        Tensor attended = x + _attention.Forward(_attentionNorm.forward(x), rotary, mask, cache);
        return (attended + _feedForward.forward(_feedForwardNorm.forward(attended))).MoveToOuterDisposeScope();
    }
}
