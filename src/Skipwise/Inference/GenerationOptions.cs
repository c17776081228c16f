namespace Skipwise.Inference;

/// <summary>How a text is continued.</summary>
public sealed record GenerationOptions
{
    /// <summary>tokens to generate at most</summary>
    [Within(1, 1 << 27)]
    public int MaxNewTokens { get; init; } = 128;
    /// <summary>divides the scores before they become probabilities; 0 takes the most probable token every time (greedy)</summary>
    [Within(0, 1e6, LeastMeans = "greedy")]
    public double Temperature { get; init; }
    /// <summary>draw from the k most probable tokens only; 0 draws from all</summary>
    [Within(0, 1 << 29, LeastMeans = "all")]
    public int TopK { get; init; }
    /// <summary>draw from the smallest set of most probable tokens whose probabilities reach this sum; 1 draws from all (Holtzman et al. 2020)</summary>
    [Within(0, 1, Above = true)]
    public double TopP { get; init; } = 1;
    /// <summary>seed of the draws: the same seed gives the same text</summary>
    public ulong Seed { get; init; }
    /// <summary>ids that end a text; they are not part of it</summary>
    [Within(0, 1 << 29)]
    public IReadOnlyList<int> StopTokens { get; init; } = [];
    /// <summary>tokens of the prompt per forward; null: as many as suit the model's device</summary>
    [Within(1, 1 << 24)]
    public int? PrefillChunk { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate() => OptionCheck.Require("Generation", this);
}
