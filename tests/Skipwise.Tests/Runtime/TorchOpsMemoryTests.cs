using Skipwise.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runtime;

[Collection(nameof(AloneInTheProcess))]
public sealed class TorchOpsMemoryTests
{
    [Fact]
    public void Tensors_that_were_passed_are_freed()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "memory is read on Linux");
        const int rounds = 200, size = 1 << 20; // 3 GB in all
        using var parameter = new Parameter(zeros(1));
        long before = Environment.WorkingSet;
        for (int i = 0; i < rounds; i++)
        {
            using Tensor data = ones(size), mean = ones(size), square = ones(size), number = tensor(1f);
            TorchOps.FusedAdamW([data], [data], [mean], [square], [number], 0, 0.9, 0.9, 0, 1e-8, number, number);
            TorchOps.SetData(parameter, data);
        }
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 1L << 29);
    }
}
