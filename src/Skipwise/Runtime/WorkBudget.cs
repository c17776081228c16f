using System.Collections.Concurrent;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Runtime;

/// <summary>
/// Batch and chunk sizes: on a CPU those that keep its cores busy and fit its caches, on a GPU those that fit in its memory. They decide
/// speed and memory, and of a result the last bits at most.
/// </summary>
/// <param name="PrefillTokens">tokens per forward of a long prompt: many for the matrix products, few for the mask</param>
/// <param name="ForwardTokens">tokens per forward, at most</param>
/// <param name="CacheBytes">bytes of a batch's keys and values</param>
/// <param name="MaxLogits">logits that exist at a time, 4 bytes each</param>
/// <param name="HeadTokens">tokens whose logits exist at a time in training, at most</param>
internal sealed record WorkBudget(int PrefillTokens, int ForwardTokens, long CacheBytes, long MaxLogits, int HeadTokens)
{
    private static readonly ConcurrentDictionary<int, WorkBudget> s_gpus = new();

    public static WorkBudget Cpu { get; } = new(512, 8192, 256L << 20, 1 << 24, 512);

    public static WorkBudget For(Device device) =>
        device.type == DeviceType.CUDA ? s_gpus.GetOrAdd(device.index, index => ForGpu(new CudaDriver(index).Memory().Size)) : Cpu;

    /// <param name="bytes">total memory of the GPU</param>
    internal static WorkBudget ForGpu(long bytes) => new(
        PrefillTokens: bytes >= 16L << 30 ? 2048 : 512,
        ForwardTokens: (int)Math.Clamp(bytes >> 21, Cpu.ForwardTokens, 1 << 16), // 2 MB per token: a layer of a 70B model takes about one
        CacheBytes: Math.Max(Cpu.CacheBytes, bytes / 8),
        MaxLogits: Math.Max(Cpu.MaxLogits, bytes >> 10), // a 256th of the memory
        HeadTokens: 4096);
}
