using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

public class MaskedAttentionTests
{
    [Theory]
    [InlineData(1, 0, null), InlineData(5, 0, null), InlineData(3, 4, null), InlineData(1, 6, null)]
    [InlineData(6, 0, 2), InlineData(6, 0, 6), InlineData(6, 0, 7), InlineData(3, 5, 4)]
    [InlineData(3, 5, 1), InlineData(1, 6, 3), InlineData(1, 2, 3), InlineData(2, 2, 3)]
    public void A_query_sees_what_the_rule_says(int queries, int cached, int? window)
    {
        using var scope = NewDisposeScope();
        var mask = MaskedAttention.Create(queries, cached, window, [], ScalarType.Float32, CPU, repeatsHeads: false);
        for (int t = 0; t < queries; t++)
        {
            for (int j = 0; j < cached + queries; j++)
            {
                int i = cached + t;
                bool expected = j <= i && j > i - (window ?? int.MaxValue);
                bool sees = mask.IsCausal ? cached == 0 && j <= t : mask.Bias is not { } bias || bias[t, j].ToSingle() == 0;
                Assert.Equal(expected, sees);
            }
        }
    }

    /// <summary>No query sees beyond its document: what a sliding window hides is as large as the longest one, not as the row.</summary>
    [Theory]
    [InlineData(7, 3, true), InlineData(5, 9, false)]
    public void A_bias_is_as_large_as_the_longest_document(int longest, int window, bool hasBias)
    {
        using var scope = NewDisposeScope();
        using IDisposable used = KernelSet.Use(KernelSet.Torch);
        using var decoder = new Decoder(TinyModel.Config() with { SlidingWindow = window }, ScalarType.Float32, CPU);
        int[] documents = [2, longest, 4];
        (_, AttentionPlan plan) = decoder.PlanAttention(documents.Sum(), documents, cached: 0);
        var sliding = Assert.IsType<MaskedAttention>(plan);
        Assert.Equal(hasBias ? [longest, longest] : null, sliding.Bias?.shape);
        Assert.Equal(!hasBias, sliding.IsCausal);
    }
}
