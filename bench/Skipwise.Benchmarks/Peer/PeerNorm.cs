using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>RMSNorm in separate operations, in float32, as in transformers.</summary>
internal sealed class PeerNorm : nn.Module<Tensor, Tensor>
{
    private readonly Parameter _weight;
    private readonly double _epsilon;

    public PeerNorm(int size, double epsilon) : base(nameof(PeerNorm))
    {
        (_weight, _epsilon) = (new Parameter(ones(size)), epsilon);
        register_parameter("weight", _weight);
    }

    /// <param name="input">[B, T, C]</param>
    /// <returns>[B, T, C]</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        Tensor states = input.to(ScalarType.Float32);
        Tensor variance = states.pow(2).mean([-1], keepdim: true);
        return (_weight * (states * rsqrt(variance + _epsilon)).to(input.dtype)).MoveToOuterDisposeScope();
    }
}
