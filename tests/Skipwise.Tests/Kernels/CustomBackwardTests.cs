using System.Runtime.InteropServices;
using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Exceptions between libtorch's engine and the caller.</summary>
public class CustomBackwardTests
{
    [Fact]
    public void An_exception_in_a_backward_reaches_the_caller()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([2, 3]).requires_grad_();
        Tensor loss = Broken.apply(Broken.apply(x, "early"), "late").sum();
        Assert.Equal("late", Assert.Throws<InvalidDataException>(() => CustomBackward.Rethrowing(() => loss.backward())).Message);
        CustomBackward.Rethrowing(() => (x * 2).sum().backward()); // it is told once
        Assert.Equal(12, x.grad!.sum().ToDouble());
    }

    /// <summary>A user's own loop knows nothing of <see cref="CustomBackward.Rethrowing"/>.</summary>
    [Fact]
    public void A_backward_of_a_users_own_does_not_lose_gradients_silently()
    {
        using var scope = NewDisposeScope();
        Tensor x = ones([2, 3]).requires_grad_(), whole = ones([3]).requires_grad_();
        Tensor loss = (Broken.apply(x, "broken") * whole).sum();
        Assert.ThrowsAny<ExternalException>(() => loss.backward());
        Assert.Null(x.grad);
        CustomBackward.Rethrowing(() => (x * 2).sum().backward()); // and what failed there is not blamed on what comes after
    }

    [Fact]
    public void Two_trainings_side_by_side_get_their_own_exceptions()
    {
        using var bothHaveFailed = new Barrier(2);
        Exception? Fail(string message)
        {
            using var scope = NewDisposeScope();
            Tensor loss = Broken.apply(ones([2, 3]).requires_grad_(), message).sum();
            return Record.Exception(() => CustomBackward.Rethrowing(() =>
            {
                try
                {
                    loss.backward();
                }
                finally
                {
                    bothHaveFailed.SignalAndWait(TimeSpan.FromMinutes(1));
                }
            }));
        }
        string[] names = ["one", "other"];
        var failures = new Exception?[2];
        Thread[] threads = [.. names.Select((name, i) => new Thread(() => failures[i] = Fail(name)))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(names, failures.Select(failure => Assert.IsType<InvalidDataException>(failure).Message));
    }

    private sealed class Broken : autograd.SingleTensorFunction<Broken>
    {
        public override string Name => nameof(Broken);

        public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
        {
            ctx.set_materialize_grads(false);
            ctx.save_data("message", vars[1]);
            return ((Tensor)vars[0]).clone();
        }

        public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output) =>
            CustomBackward.Run(1, 1, grad_output, () => throw new InvalidDataException((string)ctx.get_data("message")));
    }
}
