using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Attention in halves against softmax(Q K^T / sqrt(D)) V with the whole matrix and its mask.</summary>
public class BlockwiseAttentionTests
{
    public static TheoryData<int, int, int[], int> Shapes => new()
    {
        { 2, 512, [], 3 }, { 1, 1024, [], 3 }, { 3, 130, [], 3 }, { 2, 7, [], 3 }, { 1, 1001, [], 3 },
        { 1, 300, [256, 1, 43], 3 }, { 1, 12, [12], 3 },
        { 2, 512, [], 1 }, { 1, 1024, [], 1 }, { 1, 300, [256, 1, 43], 1 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_mix_and_its_gradients_are_those_of_the_whole_matrix(int batch, int tokens, int[] documents, int kvHeads)
    {
        using var scope = NewDisposeScope();
        const int heads = 3, dim = 16;
        using var generator = new Generator(5, CPU);
        Tensor Leaf(int heads) => randn([batch, tokens, heads, dim], generator: generator).requires_grad_();
        (Tensor query, Tensor key, Tensor value) = (Leaf(heads), Leaf(kvHeads), Leaf(kvHeads));
        Tensor gradient = randn([batch, tokens, heads, dim], generator: generator);

        Tensor output = CausalAttentionFunction.apply(query, key, value, documents, 0, KernelSet.Cpu);
        var found = autograd.grad([output], [query, key, value], [gradient]);

        Tensor owner = cat([.. (documents.Length == 0 ? [tokens] : documents).Select((length, i) => full([length], i, ScalarType.Int64))]);
        Tensor seen = ones([tokens, tokens], ScalarType.Bool).tril() & owner.unsqueeze(0).eq(owner.unsqueeze(1));
        Tensor Heads(Tensor x) => x.transpose(1, 2);
        Tensor scores = Heads(query).matmul(Heads(key).transpose(-1, -2)) / Math.Sqrt(dim);
        Tensor plain = Heads(scores.masked_fill(seen.logical_not(), float.NegativeInfinity).softmax(-1).matmul(Heads(value)));
        var expected = autograd.grad([plain], [query, key, value], [gradient]);

        Assert.True(output.allclose(plain, rtol: 1e-5, atol: 1e-5));
        foreach ((Tensor one, Tensor other) in found.Zip(expected))
        {
            Assert.True(one.allclose(other, rtol: 1e-5, atol: 2e-5));
        }
    }
}
