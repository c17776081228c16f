using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Lora;

/// <summary>
/// Dropout whose masks are a function of (seed, micro-batch, projection): a resumed run draws the same ones, and so does a layer that is
/// computed again for its backward. They are drawn where x lies: a GPU's are others than a CPU's. Outside <see cref="ForMicroBatch"/>
/// nothing is dropped.
/// </summary>
public sealed class KeyedDropout
{
    private const ulong Stream = 0xD20;
    private long? _microBatch;

    // TorchSharp makes generators of the CPU alone; libtorch makes them of any device.
    private static readonly Lazy<jit.CompilationUnit> s_script = new(() => jit.compile("""
        def uniform(like: Tensor, seed: Tensor):
            generator = torch.Generator(device=like.device, seed=int(seed))
            return torch.rand(like.size(), generator=generator, device=like.device, dtype=6)  # float32

        """));

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; set; }

    /// <summary>Until the result is disposed, a micro-batch is trained.</summary>
    /// <param name="microBatch">its own number: the examples taken before it</param>
    public IDisposable ForMicroBatch(long microBatch)
    {
        _microBatch = microBatch;
        return new End(this);
    }

    /// <summary>Zeroes a share of the elements and scales the others up, so that the mean stays.</summary>
    /// <param name="projection">which one asks: each draws its own mask</param>
    public Tensor Apply(Tensor x, double share, int projection)
    {
        if (_microBatch is not { } microBatch || share == 0)
        {
            return x.alias();
        }
        using var scope = NewDisposeScope();
        var key = new KeyedRandom(Seed, Stream + ((ulong)projection << 16), (ulong)microBatch);
        var uniform = (Tensor)s_script.Value.invoke("uniform", x, tensor((long)(key.NextUInt64() >> 1), device: CPU));
        return (x * uniform.ge(share).to(x.dtype).mul_(1 / (1 - share))).MoveToOuterDisposeScope();
    }

    private sealed class End(KeyedDropout dropout) : IDisposable
    {
        public void Dispose() => dropout._microBatch = null;
    }
}
