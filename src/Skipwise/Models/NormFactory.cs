using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Creates the norm that a configuration names.</summary>
internal static class NormFactory
{
    /// <param name="size">of the last dimension</param>
    public static nn.Module<Tensor, Tensor> Create(DecoderConfig config, int size, ScalarType dtype, Device device) => config.Norm switch
    {
        NormKind.Layer => new LayerNorm(size, config.NormEps, dtype, device),
        NormKind.RmsUnitOffset => new RmsNorm(size, config.NormEps, dtype, device, around: 1),
        _ => new RmsNorm(size, config.NormEps, dtype, device),
    };
}
