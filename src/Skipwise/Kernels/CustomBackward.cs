using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// Runs a backward that is written in C# under libtorch's engine, and rethrows its exceptions afterwards. Each such backward has a
/// reference implementation, and tests compare the two.
/// </summary>
internal static class CustomBackward
{
    /// <summary>
    /// Exception of a backward on this thread. The CPU part of a backward runs on the calling thread, so concurrent trainings do not mix up
    /// their exceptions.
    /// </summary>
    [ThreadStatic]
    private static Exception? s_failure;

    /// <summary>
    /// Results of the last backward on this thread. libtorch has its own references once another one begins; without ours it frees a
    /// gradient as soon as it has been used.
    /// </summary>
    [ThreadStatic]
    private static Tensor?[]? s_returned;

    /// <summary>
    /// Runs the backward of an op. Native code lies between libtorch's engine and the caller, and an exception that crosses it ends the
    /// process. So a failed backward returns gradients of an impossible shape, which the engine refuses with an error of its own: every
    /// caller learns that gradients are missing. <see cref="Rethrowing"/> throws the original exception. Every forward has to call
    /// <see cref="autograd.AutogradContext.set_materialize_grads"/> with false, because gradients that are not needed are returned as
    /// undefined.
    /// </summary>
    /// <param name="tensors">arguments of the forward that are tensors; they come first</param>
    /// <param name="others">its other arguments</param>
    /// <param name="gradient">of the op's result; freed at the end, or it would live until the caller's scope ends</param>
    internal static List<Tensor> Run(int tensors, int others, Tensor gradient, Func<Tensor?[]> backward)
    {
        if (gradient.IsInvalid)
        {
            return [.. new Tensor[tensors + others]];
        }
        FreeReturned();
        try
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            Tensor?[] gradients = backward();
            foreach (Tensor? result in gradients)
            {
                result?.MoveToOuterDisposeScope();
            }
            s_returned = gradients;
            return [.. gradients.Select(result => result!)]; // null if the argument is no tensor
        }
        catch (Exception e)
        {
            s_failure = e;
            // a scalar shape, which no op accepts
            return [.. Enumerable.Range(0, tensors).Select(_ => zeros([], ScalarType.Float32, CPU)), .. new Tensor[others]];
        }
        finally
        {
            gradient.Dispose();
        }
    }

    /// <summary>Runs a libtorch backward and rethrows the exception of a custom backward in place of libtorch's error about it.</summary>
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
            FreeReturned();
        }
    }

    private static void FreeReturned()
    {
        foreach (Tensor? result in s_returned ?? [])
        {
            result?.Dispose();
        }
        s_returned = null;
    }
}
