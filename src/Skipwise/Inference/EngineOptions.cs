namespace Skipwise.Inference;

/// <summary>Limits of an <see cref="InferenceEngine"/>.</summary>
public sealed record EngineOptions
{
    internal const int DefaultBatchSize = 32;

    /// <summary>texts that are generated at the same time; further requests wait</summary>
    [Within(1, 4096)]
    public int MaxBatchSize { get; init; } = DefaultBatchSize;
    /// <summary>requests that may wait; null: any number</summary>
    [Within(0, 1 << 20)]
    public int? MaxQueueLength { get; init; }
    /// <summary>bytes of memory for the keys and values of all texts and kept prefixes; null: a quarter of what is free</summary>
    [Within(1, 1L << 50)]
    public long? CacheBytes { get; init; }
    /// <summary>how keys and values are stored</summary>
    public KvCacheType CacheType { get; init; }
}
