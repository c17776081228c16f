namespace Skipwise.Inference;

/// <summary>What an <see cref="InferenceEngine"/> is asked for.</summary>
public sealed record GenerationRequest
{
    /// <summary>token ids, including BOS if the model expects it</summary>
    public required IReadOnlyList<int> Prompt { get; init; }
    /// <summary>sampling settings</summary>
    public GenerationOptions Options { get; init; } = new();
    /// <summary>distinguishes several texts of one seed and prompt: the n-th has n</summary>
    public int Index { get; init; }
    /// <summary>log probabilities of that many most probable tokens at each place; null: none, not even the token's own</summary>
    [Within(0, 1 << 20)]
    public int? TopLogProbabilities { get; init; }
    /// <summary>also those of the prompt's tokens, if <see cref="TopLogProbabilities"/> is given; the prompt is then read whole</summary>
    public bool ScoresPrompt { get; init; }
    /// <summary>also where in the prompt each token was read off (<see cref="GeneratedToken.Sources"/>). Decoding on the CPU tells it. The
    /// prompt's last token is then computed as generated ones are, which can change the last bits of what follows</summary>
    public bool FindsSources { get; init; }
    /// <summary>receives the number of the prompt's tokens that were read, after every part of it</summary>
    public IProgress<int>? PromptProgress { get; init; }
}
