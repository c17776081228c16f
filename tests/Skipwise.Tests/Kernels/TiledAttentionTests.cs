using Skipwise.Kernels;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Attention in tiles against softmax(Q K^T / sqrt(D)) V in float64, with the whole matrix and its mask; of every width of vector.
/// </summary>
[Collection(nameof(AloneInTheProcess))]
public class TiledAttentionTests
{
    /// <summary>Sequences, queries, keys, heads, heads of keys, head dimension, window (0: all).</summary>
    public static TheoryData<int, int, int, int, int, int, int> Shapes => new()
    {
        { 1, 1, 1, 1, 1, 4, 0 }, { 2, 7, 7, 2, 2, 8, 0 }, { 1, 193, 193, 1, 1, 64, 0 }, { 2, 130, 130, 3, 3, 16, 0 },
        { 3, 401, 401, 4, 2, 80, 0 }, { 1, 577, 577, 2, 1, 33, 0 },
        { 2, 300, 700, 4, 1, 128, 0 }, { 1, 200, 210, 1, 1, 64, 0 }, { 1, 1, 150, 2, 2, 64, 0 }, { 1, 16, 1000, 2, 2, 96, 0 },
        { 2, 300, 300, 4, 2, 96, 50 }, { 1, 200, 513, 2, 2, 33, 70 }, { 1, 400, 400, 2, 2, 64, 1 }, { 1, 400, 400, 1, 1, 64, 399 },
        { 1, 20, 600, 1, 1, 32, 100 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_mix_and_its_gradients_are_those_of_the_whole_matrix(int sequences, int queries, int keys, int heads, int kvHeads,
        int dim, int window) => VectorFunctions.OfEachWidth(on =>
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        Tensor Numbers(int tokens, int ofHeads) => randn([sequences, tokens, ofHeads, dim], generator: generator);
        (Tensor query, Tensor key, Tensor value, Tensor gradient) =
            (Numbers(queries, heads), Numbers(keys, kvHeads), Numbers(keys, kvHeads), Numbers(queries, heads));

        (Tensor output, Tensor lse) = on.Attend(query, key, value, window == 0 ? null : window);
        (Tensor dQuery, Tensor dKey, Tensor dValue) =
            on.AttendBackward(gradient, query, key, value, output, lse, window == 0 ? null : window);

        Tensor Leaf(Tensor x) => x.to(ScalarType.Float64).requires_grad_();
        (Tensor q, Tensor k, Tensor v) = (Leaf(query), Leaf(key), Leaf(value));
        Tensor Heads(Tensor x) => x.transpose(1, 2);
        Tensor seen = ones([queries, keys], ScalarType.Bool).tril(keys - queries);
        seen = window == 0 ? seen : seen.triu(keys - queries - window + 1);
        Tensor scores = Heads(q).matmul(Heads(k.repeat_interleave(heads / kvHeads, 2)).transpose(-1, -2)) / Math.Sqrt(dim);
        scores = scores.masked_fill(seen.logical_not(), double.NegativeInfinity);
        Tensor plain = Heads(scores.softmax(-1).matmul(Heads(v.repeat_interleave(heads / kvHeads, 2))));
        IList<Tensor> expected = autograd.grad([plain], [q, k, v], [gradient.to(ScalarType.Float64)]);

        Near(plain, output);
        Near(Heads(scores.logsumexp(-1)), lse);
        Near(expected[0], dQuery);
        Near(expected[1], dKey);
        Near(expected[2], dValue);
    });

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(7)]
    public void Every_number_of_threads_finds_the_same(int threads) => VectorFunctions.OfEachWidth(on =>
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        Tensor[] x = [.. Enumerable.Range(0, 4).Select(_ => randn([1, 800, 1, 32], generator: generator))];
        Tensor[] All()
        {
            (Tensor output, Tensor lse) = on.Attend(x[0], x[1], x[2], null);
            (Tensor q, Tensor k, Tensor v) = on.AttendBackward(x[3], x[0], x[1], x[2], output, lse, null);
            return [output, lse, q, k, v];
        }

        int before = get_num_threads();
        try
        {
            set_num_threads(1);
            Tensor[] alone = All();
            set_num_threads(threads);
            Tensor[] together = All(), again = All();
            foreach (((Tensor one, Tensor many), Tensor repeated) in alone.Zip(together).Zip(again))
            {
                Near(one, many);
                Assert.True(many.Equals(repeated)); // whoever did the work
            }
        }
        finally
        {
            set_num_threads(before);
        }
    });

    /// <summary>Views with rows far apart, as a cache hands them out, and a gradient that is one number everywhere.</summary>
    [Fact]
    public void Views_are_read_as_they_lie() => VectorFunctions.OfEachWidth(on =>
    {
        using var scope = NewDisposeScope();
        Tensor cache = randn(2, 3, 500, 40), query = randn(2, 100, 6, 40);
        Tensor key = cache.narrow(2, 0, 300).transpose(1, 2), value = cache.narrow(2, 200, 300).transpose(1, 2),
            gradient = ones(1).expand(2, 100, 6, 40);
        (Tensor output, Tensor lse) = on.Attend(query, key, value, null);
        (Tensor plain, Tensor plainLse) = on.Attend(query, key.contiguous(), value.contiguous(), null);
        Assert.True(output.Equals(plain));
        Assert.True(lse.Equals(plainLse));
        Assert.True(on.AttendBackward(gradient, query, key, value, output, lse, null).Key
            .Equals(on.AttendBackward(gradient.contiguous(), query, key.contiguous(), value.contiguous(), output, lse, null).Key));
    });

    [Fact]
    public void A_number_that_is_none_is_told() => VectorFunctions.OfEachWidth(on =>
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 50, 1, 16), key = randn(1, 50, 1, 16), value = randn(1, 50, 1, 16);
        key[0, 20, 0, 3] = float.NaN;
        Tensor output = on.Attend(query, key, value, null).Mixed;
        Assert.False(output.narrow(1, 0, 20).isnan().any().ToBoolean()); // which do not see it
        Assert.True(output.narrow(1, 20, 30).isnan().all().ToBoolean());
    });

    /// <summary>Scores far apart: shares that are 0 or 1.</summary>
    [Fact]
    public void Large_scores_do_not_overflow() => VectorFunctions.OfEachWidth(on =>
    {
        using var scope = NewDisposeScope();
        Tensor query = randn(1, 300, 1, 16) * 100, key = randn(1, 300, 1, 16) * 100, value = randn(1, 300, 1, 16),
            gradient = randn(1, 300, 1, 16);
        (Tensor output, Tensor lse) = on.Attend(query, key, value, null);
        (Tensor dQuery, Tensor dKey, Tensor dValue) = on.AttendBackward(gradient, query, key, value, output, lse, null);
        foreach (Tensor found in (Tensor[])[output, lse, dQuery, dKey, dValue])
        {
            Assert.True(found.isfinite().all().ToBoolean());
        }
        Assert.True(output.abs().max().ToSingle() <= value.abs().max().ToSingle() * 1.00001);
    });

    /// <summary>A trained model looks at a few keys, and the gradients that reach it are small. Products of the two must not be subnormal:
    /// those take an Intel core a hundred times as long.</summary>
    [Fact]
    public void Sure_attention_has_no_subnormal_gradients() => VectorFunctions.OfEachWidth(on =>
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        Tensor Numbers(double size) => randn([1, 700, 2, 32], generator: generator) * size;
        (Tensor query, Tensor key, Tensor value, Tensor gradient) = (Numbers(5), Numbers(5), Numbers(1), Numbers(1e-6));
        (Tensor output, Tensor lse) = on.Attend(query, key, value, null);
        (Tensor dQuery, Tensor dKey, Tensor dValue) = on.AttendBackward(gradient, query, key, value, output, lse, null);
        foreach (Tensor found in (Tensor[])[dQuery, dKey, dValue])
        {
            Assert.Equal(0, found.data<float>().Count(float.IsSubnormal));
            Assert.True(found.abs().max().ToSingle() > 1e-7f);
        }
    });

    private static void Near(Tensor expected, Tensor found)
    {
        Assert.Equal(expected.shape, found.shape);
        double off = (expected - found).abs().max().ToDouble(), size = Math.Max(1, expected.abs().max().ToDouble());
        Assert.True(off <= 6e-6 * size, $"{off} of {size}");
    }
}
