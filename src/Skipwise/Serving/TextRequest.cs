using Skipwise.Inference;

namespace Skipwise.Serving;

/// <summary>A text to be continued, or to be scored.</summary>
public sealed record TextRequest
{
    /// <summary>token ids, including BOS if the model expects it: see <see cref="TextModel.Encode"/></summary>
    public required IReadOnlyList<int> Prompt { get; init; }
    /// <summary>length and sampling; without stop tokens, every end token of the model's files ends the text</summary>
    public GenerationOptions Options { get; init; } = new();
    /// <summary>texts that end the continuation and are not part of it, also across the borders of tokens</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];
    /// <inheritdoc cref="GenerationRequest.Index"/>
    public int Index { get; init; }
    /// <inheritdoc cref="GenerationRequest.TopLogProbabilities"/>
    [Within(0, 1 << 20)]
    public int? TopLogProbabilities { get; init; }
    /// <inheritdoc cref="GenerationRequest.ScoresPrompt"/>
    public bool ScoresPrompt { get; init; }
    /// <inheritdoc cref="GenerationRequest.FindsSources"/>
    public bool FindsSources { get; init; }
    /// <inheritdoc cref="GenerationRequest.PromptProgress"/>
    public IProgress<int>? PromptProgress { get; init; }
}
