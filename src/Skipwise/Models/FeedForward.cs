using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Gated: down(act(gate(x)) * up(x)), as SwiGLU and GeGLU (Shazeer 2020). Plain: down(act(up(x))).
/// </summary>
internal sealed class FeedForward : nn.Module<Tensor, Tensor>
{
    private readonly Projection? _gate;
    private readonly Projection _up, _down;
    private readonly Activation _activation;

    public FeedForward(DecoderConfig config, ScalarType dtype, Device device) : base(nameof(FeedForward))
    {
        _activation = config.Activation;
        if (config.GatedFeedForward)
        {
            _gate = new Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias, dtype, device);
            register_module("gate_proj", _gate);
        }
        _up = new Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias, dtype, device);
        _down = new Projection(
            config.IntermediateSize, config.HiddenSize, config.MlpBias, dtype, device, ParameterRole.Matrix, addsToResidual: true);
        register_module("up_proj", _up);
        register_module("down_proj", _down);
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor up = _up.forward(input);
        Tensor inner = _gate is null ? Activate(up) : GatedActivation(_gate.forward(input), up);
        return _down.forward(inner).MoveToOuterDisposeScope();
    }

    private Tensor GatedActivation(Tensor gate, Tensor up) =>
        _activation == Activation.Silu ? KernelSet.For(gate).GatedSilu(gate, up) : Activate(gate) * up;

    private Tensor Activate(Tensor x) => _activation switch
    {
        Activation.Gelu => nn.functional.gelu(x),
        Activation.GeluTanh => nn.functional.gelu(x, GELU.Approximate.tanh),
        _ => nn.functional.silu(x),
    };
}
