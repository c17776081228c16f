using System.Runtime.InteropServices;
using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>
/// Operations that TorchSharp does not wrap, by libtorch's stable C interface (<c>torch_call_dispatcher</c>, since 2.10). Scalars are
/// passed by value, where TorchSharp boxes them.
/// </summary>
/// <remarks>
/// Arguments of the schema type Scalar cannot be passed (libtorch converts int, float and bool only). On an error libtorch returns a status
/// and writes its message to standard error. So this serves operations that allocate little: for others it has to be known whether memory
/// ran out (<see cref="OutOfMemory"/>).
/// </remarks>
internal static unsafe class TorchOps
{
    private const ulong SchemaVersion = 2UL << 56 | 10UL << 48; // the schemas here are those of libtorch 2.10: later ones adapt
    private const int Success = 0;

    private static readonly Lazy<nint> s_call = Export("torch_call_dispatcher"), s_copyTensor = Export("aoti_torch_new_tensor_handle");
    private static readonly Lazy<nint> s_newList = Export("torch_new_list_reserve_size"), s_push = Export("torch_list_push_back");

    /// <summary>Sets a parameter's data to a tensor of any type, on any device: <c>parameter.data = data</c> in Python.</summary>
    public static void SetData(Tensor parameter, Tensor data) => Call("aten::set_data", "", [Pass(parameter), Pass(data)]);

    /// <summary>One AdamW step for many weights: <c>torch._fused_adamw_</c>.</summary>
    /// <param name="weights">updated in place, like both moments</param>
    /// <param name="steps">step count of each weight, this step included, 0-dim float32</param>
    /// <param name="gradientScale">divisor of the gradients, 0-dim float32</param>
    /// <param name="foundInf">1 skips the update, 0-dim float32</param>
    public static void FusedAdamW(
        Tensor[] weights, Tensor[] gradients, Tensor[] means, Tensor[] squares, Tensor[] steps, double learningRate, double beta1,
        double beta2, double weightDecay, double eps, Tensor gradientScale, Tensor foundInf) => Call("aten::_fused_adamw_", "",
        [
            Pass(weights), Pass(gradients), Pass(means), Pass(squares), Pass(Array.Empty<Tensor>()), Pass(steps), Pass(learningRate),
            Pass(beta1), Pass(beta2), Pass(weightDecay), Pass(eps), Pass(false), Pass(false), PassOptional(gradientScale),
            PassOptional(foundInf),
        ]);

    /// <summary>Calls an operation that returns nothing but its arguments.</summary>
    /// <param name="stack">all arguments in the schema's order; the call frees what they point to</param>
    /// <exception cref="InvalidOperationException">libtorch returns an error</exception>
    private static void Call(string operation, string overload, ulong[] stack)
    {
        fixed (byte* name = Encoding.UTF8.GetBytes(operation + '\0'), kind = Encoding.UTF8.GetBytes(overload + '\0'))
        fixed (ulong* values = stack)
        {
            Check(((delegate* unmanaged<byte*, byte*, ulong*, ulong, int>)s_call.Value)(name, kind, values, SchemaVersion), operation);
        }
    }

    private static ulong Pass(bool value) => value ? 1UL : 0;

    private static ulong Pass(double value) => BitConverter.DoubleToUInt64Bits(value);

    private static ulong Pass(Tensor tensor)
    {
        nint copy; // another reference to the same tensor
        Check(((delegate* unmanaged<nint, nint*, int>)s_copyTensor.Value)(tensor.Handle, &copy), "reference to a tensor");
        GC.KeepAlive(tensor);
        return (ulong)copy;
    }

    private static ulong Pass(Tensor[] tensors)
    {
        nint list;
        Check(((delegate* unmanaged<nuint, nint*, int>)s_newList.Value)((nuint)tensors.Length, &list), "list");
        foreach (Tensor tensor in tensors)
        {
            Check(((delegate* unmanaged<nint, ulong, int>)s_push.Value)(list, Pass(tensor)), "list");
        }
        return (ulong)list;
    }

    /// <summary>A present optional argument: a pointer, which libtorch deletes. C++'s delete frees malloc's memory.</summary>
    private static ulong PassOptional(Tensor tensor)
    {
        var place = (ulong*)NativeMemory.Alloc(sizeof(ulong));
        *place = Pass(tensor);
        return (ulong)place;
    }

    private static void Check(int code, string what)
    {
        if (code != Success)
        {
            throw new InvalidOperationException($"libtorch's {what} failed; standard error says why.");
        }
    }

    private static Lazy<nint> Export(string name) => new(() => LoadedLibtorch.TryFind(name, out nint address)
        ? address
        : throw new SkipwiseException(
            $"libtorch {LoadedLibtorch.Version()} has no {name}, which training needs. Use libtorch {TorchRuntime.RequiredLibtorch}."));
}
