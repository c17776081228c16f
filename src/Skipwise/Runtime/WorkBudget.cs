using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>
/// How much is computed at once: on a CPU what keeps its cores busy and fits its caches, on a GPU what its memory has room for. It decides
/// the time that something takes, and of its result the last bits at most.
/// </summary>
/// <param name="PrefillTokens">tokens that a forward reads of a longer text: many for the matrix products, few for the mask</param>
/// <param name="ForwardTokens">tokens that a forward holds at most</param>
/// <param name="CacheBytes">keys and values of a batch</param>
/// <param name="MaxLogits">scores of the vocabulary that exist at a time, 4 bytes each</param>
/// <param name="HeadTokens">tokens whose scores exist at a time in training, at most</param>
internal sealed record WorkBudget(int PrefillTokens, int ForwardTokens, long CacheBytes, long MaxLogits, int HeadTokens)
{
    private static readonly ConcurrentDictionary<int, WorkBudget> s_gpus = new();

    public static WorkBudget Cpu { get; } = new(512, 8192, 256L << 20, 1 << 24, 512);

    public static WorkBudget For(Device device) =>
        device.type == DeviceType.CUDA ? s_gpus.GetOrAdd(device.index, index => ForGpu(new CudaDriver(index).Memory().Size)) : Cpu;

    /// <param name="bytes">all the memory that the GPU has</param>
    internal static WorkBudget ForGpu(long bytes) => new(
        PrefillTokens: bytes >= 16L << 30 ? 2048 : 512,
        ForwardTokens: (int)Math.Clamp(bytes >> 21, Cpu.ForwardTokens, 1 << 16), // 2 MB a token: a layer of a 70B model takes about one
        CacheBytes: Math.Max(Cpu.CacheBytes, bytes / 8),
        MaxLogits: Math.Max(Cpu.MaxLogits, bytes >> 10), // in a 256th of the memory
        HeadTokens: 4096);
}
