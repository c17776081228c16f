using System.Runtime.InteropServices;
using Skipwise.Estimation;
using Skipwise.Runtime;
using Skipwise.Tests.Estimation;
using static TorchSharp.torch;

namespace Skipwise.Tests.Runtime;

[Collection(nameof(AloneInTheProcess))]
public sealed class TensorAllocatorPatchTests
{
    [Fact]
    public void The_place_of_a_freed_tensor_serves_the_next_of_its_size()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
            "malloc serves libtorch on x86-64 Linux");
        using var scope = NewDisposeScope();
        const int rounds = 60, settled = 10, sizes = 8;
        long before = 0;
        for (int round = 0; round < rounds; round++)
        {
            using var inner = NewDisposeScope();
            for (int i = 0; i < sizes; i++)
            {
                zeros(100_000 * (i + 1)).Dispose(); // as a layer's intermediates come and go,
                _ = zeros(50_000 * (i + 1)); // and others stay for a while,
                zeros(20 + i).MoveToOuterDisposeScope(); // and small ones for long, which settle between them
            }
            before = round == settled ? ProcessMemory.Reserved() : before;
        }
        // The small ones themselves take up to 0.3 MB, or nothing where holes serve them. Where the freed ones' places do not: 130 to 200
        // MB.
        Assert.InRange(ProcessMemory.Reserved() - before, long.MinValue, (rounds - settled) * sizes * 2048);
    }

    [Fact]
    public void A_tensor_that_no_memory_can_hold_is_an_error()
    {
        Exception error = Assert.ThrowsAny<Exception>(() => empty(1L << 52, dtype: ScalarType.Byte));
        Assert.Contains("memory", error.Message);
        Assert.Equal(0, empty(0).numel());
    }
}
