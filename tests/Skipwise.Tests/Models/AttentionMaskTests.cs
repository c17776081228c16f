using Skipwise.Models;
using Skipwise.Models.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

public class AttentionMaskTests
{
    [Theory]
    [InlineData(1, 0, null), InlineData(5, 0, null), InlineData(3, 4, null), InlineData(1, 6, null)]
    [InlineData(6, 0, 2), InlineData(6, 0, 6), InlineData(6, 0, 7), InlineData(3, 5, 4), InlineData(3, 5, 1), InlineData(1, 6, 3), InlineData(1, 2, 3), InlineData(2, 2, 3)]
    public void A_query_sees_what_the_rule_says(int queries, int cached, int? window)
    {
        using var scope = NewDisposeScope();
        using IDisposable plain = FusedMath.Off();
        AttentionMask mask = AttentionMask.For(queries, cached, window, ScalarType.Float32, CPU);
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
}
