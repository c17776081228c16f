using Skipwise.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models.Lora;

/// <summary>
/// Dropout whose masks are a function of (seed, micro-batch, projection): a resumed run and a recomputed layer draw the same masks. Masks
/// are drawn on x's device, so a GPU's differ from a CPU's. Outside <see cref="ForMicroBatch"/> nothing is dropped.
/// </summary>
public sealed class KeyedDropout
{
    private const ulong Stream = 0xD20;
    private long? _microBatch;

    // TorchSharp creates CPU generators only; libtorch creates them for any device.
    private static readonly Lazy<jit.CompilationUnit> s_script = new(() => jit.compile("""
        def uniform(like: Tensor, seed: Tensor):
            generator = torch.Generator(device=like.device, seed=int(seed))
            return torch.rand(like.size(), generator=generator, device=like.device, dtype=6)  # float32

        """));

    /// <summary>The run's seed.</summary>
    public ulong Seed { get; set; }

    /// <summary>Enables dropout for one micro-batch, until the result is disposed.</summary>
    /// <param name="microBatch">its number: the examples taken before it</param>
    public IDisposable ForMicroBatch(long microBatch)
    {
        _microBatch = microBatch;
        return new End(this);
    }

    /// <summary>Zeroes elements with a probability and scales the others up, so that the mean stays.</summary>
    /// <param name="projection">the calling projection: each draws its own mask</param>
    public Tensor Apply(Tensor x, double p, int projection)
    {
        if (_microBatch is not { } microBatch || p == 0)
        {
            return x.alias();
        }
        using var scope = NewDisposeScope();
        var key = new KeyedRandom(Seed, Stream + ((ulong)projection << 16), (ulong)microBatch);
        var uniform = (Tensor)s_script.Value.invoke("uniform", x, tensor((long)(key.NextUInt64() >> 1), device: CPU));
        return (x * uniform.ge(p).to(x.dtype).mul_(1 / (1 - p))).MoveToOuterDisposeScope();
    }

    private sealed class End(KeyedDropout dropout) : IDisposable
    {
        public void Dispose() => dropout._microBatch = null;
    }
}
