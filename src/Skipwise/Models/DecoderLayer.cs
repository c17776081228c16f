using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Pre-norm residual block. Sequential: x + attention(norm(x)), then x + feed-forward(norm(x)).
/// Parallel: x + attention(norm(x)) + feed-forward(norm(x)), through two norms or one.
/// </summary>
internal sealed class DecoderLayer : nn.Module
{
    private readonly Attention _attention;
    private readonly FeedForward _feedForward;
    private readonly nn.Module<Tensor, Tensor> _attentionNorm;
    private readonly nn.Module<Tensor, Tensor>? _feedForwardNorm; // null: the feed-forward reads the attention's norm
    private readonly bool _isParallel;

    public DecoderLayer(DecoderConfig config, int layer, ScalarType dtype, Device device) : base(nameof(DecoderLayer))
    {
        _isParallel = config.Residual != ResidualKind.Sequential;
        _attention = new Attention(config, layer, dtype, device);
        _feedForward = new FeedForward(config, dtype, device);
        _attentionNorm = NormFactory.Create(config, config.HiddenSize, dtype, device);
        register_module("self_attn", _attention);
        register_module("mlp", _feedForward);
        register_module("input_layernorm", _attentionNorm);
        if (config.Residual != ResidualKind.ParallelSharedNorm)
        {
            _feedForwardNorm = NormFactory.Create(config, config.HiddenSize, dtype, device);
            register_module("post_attention_layernorm", _feedForwardNorm);
        }
    }

    internal Attention Attention => _attention;

    internal FeedForward FeedForward => _feedForward;

    internal nn.Module<Tensor, Tensor> AttentionNorm => _attentionNorm;

    /// <summary>null: the feed-forward reads the attention's norm</summary>
    internal nn.Module<Tensor, Tensor>? FeedForwardNorm => _feedForwardNorm;

    /// <param name="x">[B, T, C]</param>
    internal Tensor Forward(Tensor x, Rotary rotary, AttentionPlan plan, IForwardCache? cache)
    {
        using var scope = NewDisposeScope();
        Recomputable normed = Norm(_attentionNorm, x);
        Tensor attended = x + _attention.Forward(normed, rotary, plan, cache);
        Tensor input = _isParallel ? x : attended;
        Tensor fed = _feedForward.Forward(_feedForwardNorm is null ? normed : Norm(_feedForwardNorm, input));
        return (attended + fed).MoveToOuterDisposeScope();
    }

    private static Recomputable Norm(nn.Module<Tensor, Tensor> norm, Tensor x) => new(parts => norm.forward(parts[0]), x);
}
