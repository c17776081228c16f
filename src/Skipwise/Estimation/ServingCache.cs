using Skipwise.Inference;

namespace Skipwise.Estimation;

/// <summary>Keys and values of one type.</summary>
/// <param name="BytesPerToken">of all layers</param>
/// <param name="BytesPerText">pages of a text of the context length</param>
public sealed record ServingCache(KvCacheType Type, long BytesPerToken, long BytesPerText);
