using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Gated: down(act(gate(x)) * up(x)), as SwiGLU and GeGLU (Shazeer 2020). Plain: down(act(up(x))).
/// </summary>
internal sealed class FeedForward : nn.Module
{
    private readonly Activation _activation;

    public FeedForward(DecoderConfig config, ScalarType dtype, Device device) : base(nameof(FeedForward))
    {
        _activation = config.Activation;
        if (config.GatedFeedForward)
        {
            Gate = new Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias, dtype, device);
            register_module("gate_proj", Gate);
        }
        Up = new Projection(config.HiddenSize, config.IntermediateSize, config.MlpBias, dtype, device);
        Down = new Projection(
            config.IntermediateSize, config.HiddenSize, config.MlpBias, dtype, device, ParameterRole.Matrix, addsToResidual: true);
        register_module("up_proj", Up);
        register_module("down_proj", Down);
    }

    /// <summary>null: the feed-forward is not gated</summary>
    internal Projection? Gate { get; }

    internal Projection Up { get; }

    internal Projection Down { get; }

    /// <param name="x">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Forward(Recomputable x)
    {
        using var scope = NewDisposeScope();
        Tensor up = Up.Forward(x);
        Recomputable inner = Gate is null
            ? new(parts => Activate(parts[0]), up)
            : new(parts => GatedActivation(parts[0], parts[1]), Gate.Forward(x), up);
        return Down.Forward(inner).MoveToOuterDisposeScope();
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
