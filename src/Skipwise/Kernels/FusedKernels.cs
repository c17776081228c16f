using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Some blocks have a backward of their own here: fewer passes over memory and fewer tensors kept than autograd makes of the formula.
/// The formula itself stays beside each as its twin, and the tests hold one against the other.
/// </summary>
public static class FusedKernels
{
    [ThreadStatic]
    private static bool s_off;
    [ThreadStatic]
    private static Exception? s_failure; // of the backward that runs on this thread

    /// <summary>Whether this thread is between <see cref="UseReference"/> and its end.</summary>
    internal static bool UsesReference => s_off;

    /// <summary>
    /// Whether blocks have backwards of their own on a device: on the CPU alone (<see cref="TorchKernels"/>), unless somebody wants the
    /// formulas.
    /// </summary>
    internal static bool IsEnabledOn(Device device) => !s_off && !TorchKernels.AreRequired(device);

    /// <summary>Whether a block takes its own backward: where there is one, and a gradient will be asked for.</summary>
    internal static bool UsesFusedBackward(Tensor x) => is_grad_enabled() && x.requires_grad && IsEnabledOn(x.device);

    /// <summary>Whether a block may be computed in one pass without a graph: when nobody will ask for a gradient, and nobody wants the formulas.</summary>
    internal static bool CanRunWithoutGraph(params ReadOnlySpan<Tensor> tensors)
    {
        bool isTracked = false;
        foreach (Tensor tensor in tensors)
        {
            isTracked |= tensor.requires_grad;
        }
        return !s_off && !(isTracked && is_grad_enabled()) && Avx512Ops.Supports(tensors);
    }

    /// <summary>Until it is disposed, this thread computes by the plain formulas: the twin that results are held against.</summary>
    public static IDisposable UseReference()
    {
        bool before = s_off;
        s_off = true;
        return new Restore(before);
    }

    /// <summary>
    /// Runs a block's backward. Between libtorch's engine and the caller lies native code that no exception can cross: it would
    /// end the process. So the engine is handed gradients of no possible shape, which it refuses by an error of its own: whoever called
    /// it learns that gradients are missing. <see cref="RethrowingBackward"/> throws the exception itself. Every forward has to call
    /// <see cref="autograd.AutogradContext.set_materialize_grads"/> with false, for a gradient that nobody asks for is passed on as none.
    /// </summary>
    /// <param name="tensors">arguments of the forward that are tensors; they come first</param>
    /// <param name="others">its other arguments</param>
    internal static List<Tensor> RunBackward(int tensors, int others, Tensor gradient, Func<Tensor?[]> backward)
    {
        if (gradient.IsInvalid)
        {
            return [.. new Tensor[tensors + others]];
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
            s_failure = e;
            // a number, which no block takes
            return [.. Enumerable.Range(0, tensors).Select(_ => zeros([], ScalarType.Float32, CPU)), .. new Tensor[others]];
        }
    }

    /// <summary>
    /// Runs a backward of libtorch's and throws what a block's own backward threw, in place of libtorch's error about it. The CPU's part of
    /// a backward runs on the thread that asks for it, so that no other training's exception is seen.
    /// </summary>
    /// <param name="backward">such as <c>() => loss.backward()</c></param>
    public static void RethrowingBackward(Action backward)
    {
        s_failure = null;
        try
        {
            backward();
        }
        catch (ExternalException) when (s_failure is not null)
        {
            ExceptionDispatchInfo.Throw(s_failure);
        }
        finally
        {
            s_failure = null;
        }
    }

    private sealed class Restore(bool before) : IDisposable
    {
        public void Dispose() => s_off = before;
    }
}
