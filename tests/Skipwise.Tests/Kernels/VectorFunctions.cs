using System.Runtime.Intrinsics;
using Skipwise.Kernels;
using Skipwise.Rope;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>The functions of one width of vector.</summary>
internal sealed record VectorFunctions(
    int Lanes, Func<Tensor, Tensor, float, (Tensor Normed, Tensor Scale)> RmsNorm,
    Func<Tensor, Tensor, Tensor, Tensor, (Tensor X, Tensor Weight)> RmsNormBackward, Func<Tensor, Tensor, Tensor> GatedSilu,
    Func<Tensor, Tensor, Tensor, (Tensor Gate, Tensor Up)> GatedSiluBackward, Func<Tensor, Tensor, Tensor> CrossEntropy,
    Func<Tensor, Tensor, RotaryLayout, bool, Tensor> Rotate, Func<float, float[]> Exp,
    Func<Tensor, Tensor, Tensor, int?, (Tensor Mixed, Tensor Lse)> Attend,
    Func<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, int?, (Tensor Query, Tensor Key, Tensor Value)> AttendBackward)
{
    /// <summary>Runs a test with the functions of every width that this processor has.</summary>
    public static void OfEachWidth(Action<VectorFunctions> test)
    {
        foreach (VectorFunctions functions in Supported())
        {
            try
            {
                test(functions);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"with {functions.Lanes} lanes: {failure.Message}", failure);
            }
        }
    }

    private static IEnumerable<VectorFunctions> Supported()
    {
        yield return Of<Lanes128, Vector128<float>>();
        if (Lanes256.IsSupported)
        {
            yield return Of<Lanes256, Vector256<float>>();
        }
        if (Lanes512.IsSupported)
        {
            yield return Of<Lanes512, Vector512<float>>();
        }
    }

    private static VectorFunctions Of<TLanes, T>() where TLanes : ILanes<T> where T : struct => new(
        TLanes.Count, VectorOps<TLanes, T>.RmsNorm, VectorOps<TLanes, T>.RmsNormBackward, VectorOps<TLanes, T>.GatedSilu,
        VectorOps<TLanes, T>.GatedSiluBackward, VectorOps<TLanes, T>.CrossEntropy, VectorOps<TLanes, T>.Rotate, LanesOfExp<TLanes, T>,
        TiledAttention<TLanes, T>.Forward, TiledAttention<TLanes, T>.Backward);

    private static unsafe float[] LanesOfExp<TLanes, T>(float x) where TLanes : ILanes<T> where T : struct
    {
        var lanes = new float[TLanes.Count];
        fixed (float* to = lanes)
        {
            TLanes.Store(VectorMath<TLanes, T>.Exp(TLanes.Fill(x)), to);
        }
        return lanes;
    }
}
