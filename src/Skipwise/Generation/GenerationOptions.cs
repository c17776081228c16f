namespace Skipwise.Generation;

/// <summary>How a text is continued.</summary>
public sealed record GenerationOptions
{
    /// <summary>tokens to generate at most</summary>
    public int MaxNewTokens { get; init; } = 128;
    /// <summary>divides the scores before they become probabilities; 0 takes the most probable token every time (greedy)</summary>
    public double Temperature { get; init; }
    /// <summary>draw from the k most probable tokens only; 0 draws from all</summary>
    public int TopK { get; init; }
    /// <summary>draw from the smallest set of most probable tokens whose probabilities reach this sum; 1 draws from all (Holtzman et al. 2020)</summary>
    public double TopP { get; init; } = 1;
    /// <summary>seed of the draws: the same seed gives the same text</summary>
    public ulong Seed { get; init; }
    /// <summary>ids that end a text; they are not part of it</summary>
    public IReadOnlyList<int> StopTokens { get; init; } = [];
    /// <summary>tokens of the prompt per forward</summary>
    public int PrefillChunk { get; init; } = Prefill.DefaultChunk;

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate()
    {
        var problems = new List<string>();
        if (MaxNewTokens < 1) { problems.Add($"max-new-tokens is {MaxNewTokens}; it must be at least 1"); }
        if (!(Temperature >= 0) || double.IsInfinity(Temperature)) { problems.Add($"temperature is {Temperature}; it must be 0 (greedy) or more"); }
        if (TopK < 0) { problems.Add($"top-k is {TopK}; it must be 0 (all) or more"); }
        if (!(TopP > 0 && TopP <= 1)) { problems.Add($"top-p is {TopP}; it must be above 0 and at most 1"); }
        if (PrefillChunk < 1) { problems.Add($"prefill-chunk is {PrefillChunk}; it must be at least 1"); }
        if (problems.Count > 0)
        {
            throw new SkipwiseException($"Generation: {string.Join("; ", problems)}.");
        }
    }
}
