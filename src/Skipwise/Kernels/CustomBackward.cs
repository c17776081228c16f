using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// How a backward that is written in C# runs under libtorch's engine, and how its exceptions come out again. The formula stays beside each
/// such backward as its reference, and the tests hold one against the other.
/// </summary>
internal static class CustomBackward
{
    /// <summary>
    /// What a backward threw on this thread. The CPU's part of a backward runs on the thread that asks for it, so that no two trainings see
    /// each other's.
    /// </summary>
    [ThreadStatic]
    private static Exception? s_failure;

    /// <summary>
    /// Runs a block's backward. Between libtorch's engine and the caller lies native code that no exception can cross: it would
    /// end the process. So the engine is handed gradients of no possible shape, which it refuses by an error of its own: whoever called
    /// it learns that gradients are missing. <see cref="Rethrowing"/> throws the exception itself. Every forward has to call
    /// <see cref="autograd.AutogradContext.set_materialize_grads"/> with false, for a gradient that nobody asks for is passed on as none.
    /// </summary>
    /// <param name="tensors">arguments of the forward that are tensors; they come first</param>
    /// <param name="others">its other arguments</param>
    internal static List<Tensor> Run(int tensors, int others, Tensor gradient, Func<Tensor?[]> backward)
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
    /// Runs a backward of libtorch's and throws what a block's own backward threw, in place of libtorch's error about it.
    /// </summary>
    /// <param name="backward">such as <c>() => loss.backward()</c></param>
    public static void Rethrowing(Action backward)
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
}
