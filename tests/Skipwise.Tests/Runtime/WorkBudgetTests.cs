using Skipwise.Runtime;
using TorchSharp;

namespace Skipwise.Tests.Runtime;

public class WorkBudgetTests
{
    [Fact]
    public void The_CPU_s_is_what_fits_its_caches() => Assert.Equal(new(512, 8192, 256L << 20, 1 << 24, 512), WorkBudget.For(torch.CPU));

    [Theory]
    [InlineData(8, 512, 8192, 1), InlineData(24, 2048, 12288, 3), InlineData(80, 2048, 40960, 10), InlineData(140, 2048, 65536, 17.5)]
    public void A_GPU_s_grows_with_its_memory(long gigabytes, int prefill, int forward, double cacheGigabytes)
    {
        WorkBudget budget = WorkBudget.ForGpu(gigabytes << 30);
        Assert.Equal((prefill, forward), (budget.PrefillTokens, budget.ForwardTokens));
        Assert.Equal((long)(cacheGigabytes * (1L << 30)), budget.CacheBytes);
        Assert.InRange(budget.MaxLogits * sizeof(float), 64L << 20, (gigabytes << 30) / 64);
    }
}
