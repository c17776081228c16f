using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Fused;

/// <summary>
/// Some blocks have a backward of their own here: fewer passes over memory and fewer tensors kept than autograd makes of the formula.
/// The formula itself stays beside each as its twin, and the tests hold one against the other.
/// </summary>
public static class FusedMath
{
    [ThreadStatic]
    private static bool s_off;
    private static Exception? s_failure;

    /// <summary>Whether this thread is between <see cref="Off"/> and its end.</summary>
    internal static bool IsOff => s_off;

    /// <summary>
    /// Whether blocks have backwards of their own on a device: on the CPU alone (<see cref="DevicePath"/>), unless somebody wants the
    /// formulas.
    /// </summary>
    internal static bool ServesOn(Device device) => !s_off && !DevicePath.Is(device);

    /// <summary>Whether a block takes its own backward: where there is one, and a gradient will be asked for.</summary>
    internal static bool Serves(Tensor x) => is_grad_enabled() && x.requires_grad && ServesOn(x.device);

    /// <summary>Whether a block may be computed in one pass without a graph: when nobody will ask for a gradient, and nobody wants the formulas.</summary>
    internal static bool ServesWithoutGraph(params ReadOnlySpan<Tensor> tensors)
    {
        bool isTracked = false;
        foreach (Tensor tensor in tensors)
        {
            isTracked |= tensor.requires_grad;
        }
        return !s_off && !(isTracked && is_grad_enabled()) && RowMath.Serves(tensors);
    }

    /// <summary>Until it is disposed, this thread computes by the plain formulas: the twin that results are held against.</summary>
    public static IDisposable Off()
    {
        bool before = s_off;
        s_off = true;
        return new Restore(before);
    }

    /// <summary>
    /// Runs a backward. Between libtorch's engine and the caller lies native code that no exception can cross: it would end the process.
    /// So it is kept for <see cref="ThrowIfFailed"/>, and the engine is told that there is no gradient, which the blocks below then
    /// pass on. Every forward has to call <see cref="autograd.AutogradContext.set_materialize_grads"/> with false for that.
    /// </summary>
    internal static List<Tensor> Guarded(int arguments, Tensor gradient, Func<Tensor?[]> backward)
    {
        if (gradient.IsInvalid)
        {
            return [.. new Tensor[arguments]];
        }
        try
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            Tensor?[] gradients = backward();
            foreach (Tensor? result in gradients)
            {
                result?.MoveToOuterDisposeScope();
            }
            return [.. gradients.Select(result => result!)]; // null where the argument is no tensor
        }
        catch (Exception e)
        {
            Interlocked.Exchange(ref s_failure, e);
            return [.. new Tensor[arguments]];
        }
    }

    /// <summary>To be called after every backward: throws what <see cref="Guarded"/> kept.</summary>
    public static void ThrowIfFailed()
    {
        if (Interlocked.Exchange(ref s_failure, null) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }

    private sealed class Restore(bool before) : IDisposable
    {
        public void Dispose() => s_off = before;
    }
}
