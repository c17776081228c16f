using Skipwise.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>Self-attention with libtorch's scaled_dot_product_attention, shared key heads copied.</summary>
internal sealed class PeerAttention : nn.Module<Tensor, PeerRotation, Tensor>
{
    // B batch, T tokens, C hidden, H query heads, K key heads, D values of a head
    private readonly Linear _query, _key, _value, _output;
    private readonly int _headSize, _groups;

    public PeerAttention(DecoderConfig config) : base(nameof(PeerAttention))
    {
        (_headSize, _groups) = (config.HeadDim, config.NumAttentionHeads / config.NumKeyValueHeads);
        int querySize = config.NumAttentionHeads * _headSize, keySize = config.NumKeyValueHeads * _headSize;
        _query = nn.Linear(config.HiddenSize, querySize, hasBias: false);
        _key = nn.Linear(config.HiddenSize, keySize, hasBias: false);
        _value = nn.Linear(config.HiddenSize, keySize, hasBias: false);
        _output = nn.Linear(querySize, config.HiddenSize, hasBias: false);
        register_module("q_proj", _query);
        register_module("k_proj", _key);
        register_module("v_proj", _value);
        register_module("o_proj", _output);
    }

    /// <param name="input">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    public override Tensor forward(Tensor input, PeerRotation rotation)
    {
        using var scope = NewDisposeScope();
        Tensor query = rotation.Apply(Heads(_query.forward(input))), key = rotation.Apply(Heads(_key.forward(input))),
            value = Heads(_value.forward(input));
        if (_groups > 1)
        {
            (key, value) = (key.repeat_interleave(_groups, 1), value.repeat_interleave(_groups, 1));
        }
        Tensor mixed = nn.functional.scaled_dot_product_attention(query, key, value, is_casual: true); // [B, H, T, D]
        return _output.forward(mixed.transpose(1, 2).contiguous().flatten(2)).MoveToOuterDisposeScope();
    }

    /// <returns>[B, heads, T, D]</returns>
    private Tensor Heads(Tensor states) => states.view(states.size(0), states.size(1), -1, _headSize).transpose(1, 2);
}
