using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Multi-head or grouped-query self-attention with rotary positions, through libtorch's fused kernel: no [T, T] matrix exists.</summary>
public sealed class Attention : nn.Module
{
    // B batch, T new tokens, S tokens in sight, H query heads, K kv heads, D head dim, C hidden
    private readonly int _layer, _heads, _kvHeads, _headDim;
    private readonly Projection _query, _key, _value, _output;
    private readonly nn.Module<Tensor, Tensor>? _queryNorm, _keyNorm;

    public Attention(DecoderConfig config, int layer, ScalarType dtype, Device device) : base(nameof(Attention))
    {
        (_layer, _heads, _kvHeads, _headDim) = (layer, config.NumAttentionHeads, config.NumKeyValueHeads, config.HeadDim);
        _query = new Projection(config.HiddenSize, _heads * _headDim, config.AttentionBias, dtype, device);
        _key = new Projection(config.HiddenSize, _kvHeads * _headDim, config.AttentionBias, dtype, device);
        _value = new Projection(config.HiddenSize, _kvHeads * _headDim, config.AttentionBias, dtype, device);
        _output = new Projection(_heads * _headDim, config.HiddenSize, config.AttentionOutputBias, dtype, device);
        register_module("q_proj", _query);
        register_module("k_proj", _key);
        register_module("v_proj", _value);
        register_module("o_proj", _output);
        if (config.QueryKeyNorm)
        {
            _queryNorm = Norms.Create(config, _headDim, dtype, device);
            _keyNorm = Norms.Create(config, _headDim, dtype, device);
            register_module("q_norm", _queryNorm);
            register_module("k_norm", _keyNorm);
        }
    }

    /// <param name="x">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Forward(Tensor x, Rotary rotary, AttentionMask mask, KvCache? cache)
    {
        using var scope = NewDisposeScope();
        long batch = x.size(0), tokens = x.size(1);
        Tensor query = Heads(x, _query, _heads, _queryNorm), key = Heads(x, _key, _kvHeads, _keyNorm); // [B, T, H or K, D]
        query = rotary.Apply(query).transpose(1, 2); // [B, H, T, D]
        key = rotary.Apply(key).transpose(1, 2); // [B, K, T, D]
        Tensor value = Heads(x, _value, _kvHeads, null).transpose(1, 2);
        if (cache is not null)
        {
            (key, value) = cache.Append(_layer, key, value); // [B, K, S, D]
        }
        if (_kvHeads < _heads)
        {
            key = key.repeat_interleave(_heads / _kvHeads, 1); // [B, H, S, D]
            value = value.repeat_interleave(_heads / _kvHeads, 1);
        }
        Tensor mixed = nn.functional.scaled_dot_product_attention(query, key, value, mask.Bias, is_casual: mask.IsCausal);
        return _output.forward(mixed.transpose(1, 2).reshape(batch, tokens, _heads * _headDim)).MoveToOuterDisposeScope();
    }

    /// <returns>[B, T, heads, D]</returns>
    private Tensor Heads(Tensor x, Projection projection, int heads, nn.Module<Tensor, Tensor>? norm)
    {
        Tensor split = projection.forward(x).view(x.size(0), x.size(1), heads, _headDim);
        return norm?.forward(split) ?? split;
    }
}
