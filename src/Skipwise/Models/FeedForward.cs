using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>SwiGLU: down(silu(gate(x)) * up(x)) (Shazeer 2020).</summary>
public sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Projection _gate, _up, _down;

    public FeedForward(DecoderConfig config, ScalarType dtype, Device device) : base(nameof(FeedForward))
    {
        _gate = new Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias, dtype, device);
        _up = new Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias, dtype, device);
        _down = new Projection(config.IntermediateSize, config.HiddenSize, config.MlpBias, dtype, device);
        register_module("gate_proj", _gate);
        register_module("up_proj", _up);
        register_module("down_proj", _down);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _down.forward(nn.functional.silu(_gate.forward(input)) * _up.forward(input)).MoveToOuterDisposeScope();
    }
}
