namespace Skipwise.Estimation;

/// <summary>Memory of a model that texts are asked of, in bytes.</summary>
/// <param name="AvailableMemory">what limits the number of texts</param>
/// <param name="ContextLength">tokens of a text</param>
/// <param name="Process">the process itself with libtorch; on a GPU all memory in use before, other processes included</param>
/// <param name="Working">keys and values of one layer end to end, while a prompt of this length is read</param>
/// <param name="Caches">by type</param>
/// <param name="Weights">by precision</param>
public sealed record ServingEstimate(long AvailableMemory, int ContextLength, long Process, long Working,
    IReadOnlyList<ServingCache> Caches, IReadOnlyList<ServingWeights> Weights);
