namespace Skipwise.Inference;

/// <summary>What an <see cref="InferenceEngine"/> does and has done.</summary>
/// <param name="Waiting">requests that wait</param>
/// <param name="Running">texts that are computed</param>
/// <param name="PromptTokens">tokens of prompts, of all requests so far</param>
/// <param name="CachedTokens">those of them that did not have to be read again</param>
/// <param name="GeneratedTokens">tokens generated so far</param>
/// <param name="Preemptions">how often a text gave up its pages to an earlier one</param>
/// <param name="CacheBytes">memory of keys and values</param>
/// <param name="CacheBytesInUse">the part of it that texts and kept prefixes use</param>
public sealed record EngineStatistics(int Waiting, int Running, long PromptTokens, long CachedTokens, long GeneratedTokens,
    long Preemptions, long CacheBytes, long CacheBytesInUse);
