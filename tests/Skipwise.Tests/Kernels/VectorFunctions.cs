using System.Runtime.Intrinsics;
using Skipwise.Kernels;
using Skipwise.Rope;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>The functions of one width of vector and type of numbers.</summary>
internal sealed record VectorFunctions(
    int Lanes, ScalarType Dtype, Func<Tensor, Tensor, float, bool, (Tensor Normed, Tensor Scale)> RmsNorm,
    Func<Tensor, Tensor, Tensor, Tensor, (Tensor X, Tensor Weight)> RmsNormBackward, Func<Tensor, Tensor, Tensor> GatedSilu,
    Func<Tensor, Tensor, Tensor, (Tensor Gate, Tensor Up)> GatedSiluBackward, Func<Tensor, Tensor, Tensor> CrossEntropy,
    Func<Tensor, Tensor, RotaryLayout, bool, Tensor> Rotate, Func<float, float[]> Exp,
    Func<Tensor, Tensor, Tensor, int?, (Tensor Mixed, Tensor Lse)> Attend,
    Func<Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, int?, (Tensor Query, Tensor Key, Tensor Value)> AttendBackward)
{
    /// <summary>Runs a test with the functions of every width that this processor has, for float32.</summary>
    public static void OfEachWidth(Action<VectorFunctions> test) => Run(Supported<Float32Element>(), test);

    /// <summary>The same for bfloat16 too.</summary>
    public static void OfEachWidthAndType(Action<VectorFunctions> test) =>
        Run(Supported<Float32Element>().Concat(Supported<BFloat16Element>()), test);

    /// <summary>Normally distributed numbers of its type.</summary>
    public Tensor Random(params long[] shape) => randn(shape).to(Dtype);

    private static void Run(IEnumerable<VectorFunctions> all, Action<VectorFunctions> test)
    {
        foreach (VectorFunctions functions in all)
        {
            try
            {
                test(functions);
            }
            catch (Exception failure)
            {
                throw new InvalidOperationException($"with {functions.Lanes} lanes of {functions.Dtype}: {failure.Message}", failure);
            }
        }
    }

    private static IEnumerable<VectorFunctions> Supported<TElement>() where TElement : struct, IElement
    {
        yield return Of<Lanes128, Vector128<float>, TElement>();
        if (Lanes256.IsSupported)
        {
            yield return Of<Lanes256, Vector256<float>, TElement>();
        }
        if (Lanes512.IsSupported)
        {
            yield return Of<Lanes512, Vector512<float>, TElement>();
        }
    }

    private static VectorFunctions Of<TLanes, T, TElement>() where TLanes : ILanes<T> where T : struct where TElement : struct, IElement =>
        new(TLanes.Count, TElement.Dtype, VectorOps<TLanes, T, TElement>.RmsNorm, VectorOps<TLanes, T, TElement>.RmsNormBackward,
            VectorOps<TLanes, T, TElement>.GatedSilu, VectorOps<TLanes, T, TElement>.GatedSiluBackward,
            VectorOps<TLanes, T, TElement>.CrossEntropy, VectorOps<TLanes, T, TElement>.Rotate, LanesOfExp<TLanes, T>,
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
