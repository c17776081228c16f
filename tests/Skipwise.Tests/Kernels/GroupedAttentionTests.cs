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

    /// <summary>Decoding: no mask, one of a sliding window [1, S], one per row of a ragged cache [B, 1, 1, S].</summary>
    [Theory]
    [InlineData(0, ScalarType.Float32), InlineData(2, ScalarType.Float32), InlineData(4, ScalarType.Float32)]
    [InlineData(0, ScalarType.BFloat16), InlineData(2, ScalarType.BFloat16), InlineData(4, ScalarType.BFloat16)]
    public void One_new_token_reads_cached_keys_as_if_they_were_repeated(int maskDimensions, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        const int batch = 3, kvHeads = 2, group = 4, keys = 300, dim = 32;
        using var generator = new Generator(5, CPU);
        Tensor Random(int heads, int tokens) => randn([batch, heads, tokens, dim], generator: generator).to(dtype);
        Tensor query = Random(kvHeads * group, 1);
        Tensor key = Random(kvHeads, keys + 9).narrow(2, 0, keys), value = Random(kvHeads, keys + 9).narrow(2, 0, keys); // unused slots
        Tensor place = arange(keys, dtype: ScalarType.Int64), hidden = maskDimensions == 2
            ? place.lt(200).unsqueeze(0)
            : place.ge(tensor([300L, 100, 1]).unsqueeze(-1)).view(batch, 1, 1, keys);
        Tensor? bias = maskDimensions == 0 ? null : zeros(hidden.shape, dtype).masked_fill_(hidden, float.NegativeInfinity);

        Tensor found = GroupedAttention.Attend(query, key, value, bias, isCausal: false);
        Tensor expected = nn.functional.scaled_dot_product_attention(
            query, key.repeat_interleave(group, 1), value.repeat_interleave(group, 1), bias);
        Assert.Equal(expected.shape, found.shape);
        double off = (found - expected).abs().max().ToDouble();
        Assert.True(off <= (dtype == ScalarType.Float32 ? 1e-6 : 1e-2), $"{off}");
    }
}
