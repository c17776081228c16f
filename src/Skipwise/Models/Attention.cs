using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Multi-head or grouped-query self-attention with rotary positions.</summary>
internal sealed class Attention : nn.Module
{
    // B batch, T new tokens, S cached and new tokens, H query heads, K kv heads, D head dim, C hidden
    private readonly int _layer, _heads, _kvHeads, _headDim;

    public Attention(DecoderConfig config, int layer, ScalarType dtype, Device device) : base(nameof(Attention))
    {
        (_layer, _heads, _kvHeads, _headDim) = (layer, config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim);
        Query = new Projection(config.HiddenSize, _heads * _headDim, config.AttentionBias, dtype, device);
        Key = new Projection(config.HiddenSize, _kvHeads * _headDim, config.AttentionBias, dtype, device);
        Value = new Projection(config.HiddenSize, _kvHeads * _headDim, config.AttentionBias, dtype, device);
        Output = new Projection(
            _heads * _headDim, config.HiddenSize, config.AttentionOutputBias, dtype, device, ParameterRole.Matrix, addsToResidual: true);
        register_module("q_proj", Query);
        register_module("k_proj", Key);
        register_module("v_proj", Value);
        register_module("o_proj", Output);
        if (config.QueryKeyNorm)
        {
            QueryNorm = NormFactory.Create(config, _headDim, dtype, device);
            KeyNorm = NormFactory.Create(config, _headDim, dtype, device);
            register_module("q_norm", QueryNorm);
            register_module("k_norm", KeyNorm);
        }
    }

    internal Projection Query { get; }

    internal Projection Key { get; }

    internal Projection Value { get; }

    internal Projection Output { get; }

    /// <summary>null: queries are not normalized</summary>
    internal nn.Module<Tensor, Tensor>? QueryNorm { get; }

    /// <summary>null: keys are not normalized</summary>
    internal nn.Module<Tensor, Tensor>? KeyNorm { get; }

    /// <param name="x">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Forward(Recomputable x, Rotary rotary, AttentionPlan plan, IForwardCache? cache)
    {
        using var scope = NewDisposeScope();
        long batch = x.Value.size(0), tokens = x.Value.size(1);
        Tensor query = rotary.Apply(Heads(x, Query, _heads, QueryNorm)); // [B, T, H, D]
        Tensor key = rotary.Apply(Heads(x, Key, _kvHeads, KeyNorm)); // [B, T, K, D]
        Tensor value = Heads(x, Value, _kvHeads, null);
        if (cache is not null)
        {
            (key, value) = cache.Append(_layer, key.transpose(1, 2), value.transpose(1, 2)); // [B, K, S, D]
            (key, value) = (key.transpose(1, 2), value.transpose(1, 2)); // [B, S, K, D]
        }
        Tensor output = plan.Attend(query, key, value); // [B, T, H, D]
        return Output.forward(output.reshape(batch, tokens, _heads * _headDim)).MoveToOuterDisposeScope();
    }

    /// <returns>[B, T, heads, D]</returns>
    private Tensor Heads(Recomputable x, Projection projection, int heads, nn.Module<Tensor, Tensor>? norm)
    {
        Tensor split = projection.Forward(x).view(x.Value.size(0), x.Value.size(1), heads, _headDim);
        return norm?.forward(split) ?? split;
    }
}
