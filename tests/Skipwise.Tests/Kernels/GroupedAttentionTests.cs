using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Heads in groups against keys and values that are repeated for every head of a group.</summary>
public class GroupedAttentionTests
{
    [Theory]
    [InlineData(1, 1, 9, false, ScalarType.Float32), InlineData(3, 1, 9, false, ScalarType.BFloat16)]
    [InlineData(2, 7, 7, true, ScalarType.Float32), InlineData(1, 7, 7, true, ScalarType.BFloat16)]
    [InlineData(2, 4, 9, false, ScalarType.Float32), InlineData(1, 4, 9, false, ScalarType.BFloat16)]
    public void The_mix_and_its_gradients_are_those_of_repeated_heads(int batch, int tokens, int keys, bool isCausal, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        const int kvHeads = 2, group = 3, dim = 16;
        using var generator = new Generator(5, CPU);
        // as attention has them: [B, T, heads, D] with the tokens moved back
        Tensor Leaf(int tokens, int heads) => randn([batch, tokens, heads, dim], generator: generator).to(dtype).detach().requires_grad_();
        (Tensor query, Tensor key, Tensor value) = (Leaf(tokens, kvHeads * group), Leaf(keys, kvHeads), Leaf(keys, kvHeads));
        Tensor hidden = ones([tokens, keys], ScalarType.Bool).triu(keys - tokens + 1);
        Tensor? bias = isCausal || tokens == 1 ? null : zeros([tokens, keys], dtype).masked_fill_(hidden, float.NegativeInfinity);
        Tensor gradient = randn([batch, kvHeads * group, tokens, dim], generator: generator).to(dtype);
        Tensor Heads(Tensor x) => x.transpose(1, 2);

        Tensor found = GroupedAttention.Attend(Heads(query), Heads(key), Heads(value), bias, isCausal);
        var foundGradients = autograd.grad([found], [query, key, value], [gradient]);
        Tensor Repeated(Tensor x) => Heads(x).repeat_interleave(group, 1);
        Tensor expected = nn.functional.scaled_dot_product_attention(
            Heads(query), Repeated(key), Repeated(value), bias, is_casual: isCausal);
        var expectedGradients = autograd.grad([expected], [query, key, value], [gradient]);

        double tolerance = dtype == ScalarType.Float32 ? 1e-5 : 3e-2;
        foreach ((Tensor one, Tensor other) in foundGradients.Prepend(found).Zip(expectedGradients.Prepend(expected)))
        {
            Assert.Equal(other.shape, one.shape);
            double off = (one - other).abs().max().ToDouble(), largest = other.abs().max().ToDouble();
            Assert.True(largest > 0 && off <= tolerance * largest, $"{off} of {largest}");
        }
    }
}
