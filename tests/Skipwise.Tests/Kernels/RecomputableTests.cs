using Skipwise.Kernels;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Inputs of products that the backward computes again.</summary>
[Collection(nameof(AloneInTheProcess))]
public class RecomputableTests
{
    [Fact]
    public void It_is_computed_again_once_for_all_products()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(4, 8).requires_grad_();
        Tensor[] weights = [.. Enumerable.Range(0, 3).Select(_ => randn(5, 8).requires_grad_())];
        int computed = 0;
        var squared = new Recomputable(
            parts =>
            {
                computed++;
                return parts[0].square();
            },
            x);
        Tensor result = weights.Select(weight => KernelSet.Cpu.Linear(squared, weight, null)).Aggregate((sum, next) => sum + next);
        Assert.Equal(1, computed);
        result.sum().backward();
        Assert.Equal(2, computed);
        Tensor gradient = ones(4, 5).t().mm(x.detach().square());
        Assert.All(weights, weight => Assert.True(weight.grad!.allclose(gradient)));
        Tensor ofSquared = weights.Select(weight => ones(4, 5).mm(weight.detach())).Aggregate((sum, next) => sum + next);
        Assert.True(x.grad!.allclose(ofSquared * 2 * x.detach()));
    }

    [Fact]
    public void A_second_backward_adds_as_much_again()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(4, 8).requires_grad_(), weight = randn(5, 8).requires_grad_(), bias = zeros(5).requires_grad_();
        Tensor result = KernelSet.Cpu.Linear(new Recomputable(parts => parts[0].exp(), x), weight, bias).sum();
        result.backward(retain_graph: true);
        Tensor[] first = [.. new[] { x, weight, bias }.Select(leaf => leaf.grad!.clone())];
        result.backward(retain_graph: true);
        Assert.All(first.Zip([x, weight, bias]), pair => Assert.True(pair.Second.grad!.allclose(2 * pair.First)));
    }

    [Fact]
    public void What_is_not_trained_gets_no_gradient()
    {
        using var scope = NewDisposeScope();
        Tensor x = randn(4, 8), weight = randn(5, 8).requires_grad_(), bias = zeros(5);
        KernelSet.Cpu.Linear(new Recomputable(parts => parts[0].exp(), x), weight, bias).sum().backward();
        Assert.Null(x.grad);
        Assert.Null(bias.grad);
        Assert.True(weight.grad!.allclose(ones(4, 5).t().mm(x.exp())));
    }

    /// <summary>Of a graph with ten products, each with an input of 8 MB, less than one input stays, with a backward or without.</summary>
    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_graph_holds_none_of_the_inputs(bool withBackward)
    {
        const int rows = 2048, columns = 1024, count = 10;
        using var scope = NewDisposeScope();
        Tensor x = randn(rows, columns).requires_grad_();
        Tensor[] weights = [.. Enumerable.Range(0, count).Select(_ => randn(4, columns).requires_grad_())];
        void Step()
        {
            using var inner = NewDisposeScope();
            Tensor sum = zeros([]);
            foreach (Tensor weight in weights)
            {
                using var each = NewDisposeScope();
                var input = new Recomputable(parts => parts[0].neg(), x);
                sum = (sum + KernelSet.Cpu.Linear(input, weight, null).sum()).MoveToOuterDisposeScope();
            }
            if (withBackward)
            {
                sum.backward();
            }
        }
        // what the runtime takes now and then is none of the graph's
        long peak = Enumerable.Range(0, 3).Select(_ => ProcessMemory.PeakDuring(Step)).Order().ElementAt(1);
        const long input = rows * columns * sizeof(float);
        Assert.InRange(peak, input / 2, 5 * input); // kept, they would be 10; the backward has two gradients of x and a recomputed input
    }
}
