using Skipwise.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>The feed-forward network with a SiLU gate.</summary>
internal sealed class PeerFeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Linear _gate, _up, _down;

    public PeerFeedForward(DecoderConfig config) : base(nameof(PeerFeedForward))
    {
        _gate = nn.Linear(config.HiddenSize, config.IntermediateSize, hasBias: false);
        _up = nn.Linear(config.HiddenSize, config.IntermediateSize, hasBias: false);
        _down = nn.Linear(config.IntermediateSize, config.HiddenSize, hasBias: false);
        register_module("gate_proj", _gate);
        register_module("up_proj", _up);
        register_module("down_proj", _down);
    }

    /// <param name="input">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _down.forward(nn.functional.silu(_gate.forward(input)) * _up.forward(input)).MoveToOuterDisposeScope();
    }
}
