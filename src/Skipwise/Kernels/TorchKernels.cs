using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// The path of every device but the CPU: libtorch's own operations, forward and back. A backward written in C# would run on
/// libtorch's thread for that device. That thread has no dispose scope: gradients would live until the collector comes by, and might be
/// freed while libtorch still reads them. Nothing here is a GPU's alone: the tests take the same path on the CPU (<see cref="Force"/>).
/// </summary>
internal static class TorchKernels
{
    [ThreadStatic]
    private static bool s_isForced;

    private static readonly Lazy<jit.CompilationUnit> s_script = new(() => jit.compile("""
        def rms_norm(x: Tensor, weight: Tensor, eps: float):
            return torch.rms_norm(x, [weight.numel()], weight, eps)

        def rms_norm_around(x: Tensor, weight: Tensor, eps: float, around: float):
            return torch.rms_norm(x.float(), [weight.numel()], weight.float() + around, eps).to(x.dtype)

        def embedding(weight: Tensor, ids: Tensor):
            return torch.embedding(weight, ids)

        """));

    /// <summary>Whether tensors of this device are computed with by libtorch's operations alone.</summary>
    public static bool AreRequired(Device device) => s_isForced || device.type != DeviceType.CPU;

    /// <summary>The same, unless this thread computes by the plain formulas (<see cref="FusedKernels.UseReference"/>).</summary>
    public static bool AreUsed(Device device) => AreRequired(device) && !FusedKernels.UsesReference;

    /// <summary>Until it is disposed, this thread computes on the CPU as it would on another device.</summary>
    public static IDisposable Force()
    {
        bool before = s_isForced;
        s_isForced = true;
        return new Restore(before);
    }

    /// <summary>
    /// One operation, rounded once: in 16 bits not the double rounding of Hugging Face's Llama, but nearer to the formula.
    /// </summary>
    /// <param name="eps">a number that the caller keeps, as <paramref name="around"/></param>
    /// <param name="around">added to the weight; null: nothing</param>
    public static Tensor RmsNorm(Tensor x, Tensor weight, Scalar eps, Scalar? around) => (Tensor)(around is null
        ? s_script.Value.invoke("rms_norm", x, weight, eps)
        : s_script.Value.invoke("rms_norm_around", x, weight, eps, around));

    /// <summary>
    /// The rows of a matrix. Its backward sorts the ids on a GPU and sums up in float32; that of an indexed selection would add in the
    /// weights' type and in another order each time.
    /// </summary>
    /// <returns>[..., C] for ids [...]</returns>
    public static Tensor Embedding(Tensor weight, Tensor ids) => (Tensor)s_script.Value.invoke("embedding", weight, ids);

    private sealed class Restore(bool before) : IDisposable
    {
        public void Dispose() => s_isForced = before;
    }
}
