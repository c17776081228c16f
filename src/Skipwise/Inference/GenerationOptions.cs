using System.Collections.ObjectModel;

namespace Skipwise.Inference;

/// <summary>Options of text generation.</summary>
public sealed record GenerationOptions
{
    /// <summary>largest number of tokens to generate</summary>
    [Within(1, 1 << 27)]
    public int MaxNewTokens { get; init; } = 128;
    /// <summary>divides the logits before the softmax; 0: greedy decoding</summary>
    [Within(0, 1e6, LeastMeans = "greedy")]
    public double Temperature { get; init; }
    /// <summary>sample from the k most probable tokens only; 0: from all</summary>
    [Within(0, 1 << 29, LeastMeans = "all")]
    public int TopK { get; init; }
    /// <summary>sample from the smallest set of most probable tokens whose probabilities reach this sum; 1: from all (Holtzman et al.
    /// 2020)</summary>
    [Within(0, 1, Above = true)]
    public double TopP { get; init; } = 1;
    /// <summary>sample from the tokens at least this probable, as a part of the most probable one's probability; 0: from all (Nguyen et al.
    /// 2024)</summary>
    [Within(0, 1, LeastMeans = "all")]
    public double MinP { get; init; }
    /// <summary>divides the positive logits of tokens that the text already has, and multiplies the negative ones; 1: off (Keskar et al.
    /// 2019)</summary>
    [Within(0, 100, Above = true)]
    public double RepetitionPenalty { get; init; } = 1;
    /// <summary>subtracted from the logit of a token for every time that it was generated, as in OpenAI's API</summary>
    [Within(-100, 100)]
    public double FrequencyPenalty { get; init; }
    /// <summary>subtracted from the logits of tokens that were generated, as in OpenAI's API</summary>
    [Within(-100, 100)]
    public double PresencePenalty { get; init; }
    /// <summary>added to the logits of tokens, by id</summary>
    [Within(-1e9, 1e9)]
    public IReadOnlyDictionary<int, double> LogitBias { get; init; } = ReadOnlyDictionary<int, double>.Empty;
    /// <summary>seed of the sampling; the same seed gives the same text</summary>
    public ulong Seed { get; init; }
    /// <summary>ids that end a text; they are not part of the output</summary>
    [Within(0, 1 << 29)]
    public IReadOnlyList<int> StopTokens { get; init; } = [];
    /// <summary>tokens of the prompt per forward; null: chosen by device; an <see cref="InferenceEngine"/> reads a page at a
    /// time</summary>
    [Within(1, 1 << 24)]
    public int? PrefillChunk { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate() => OptionCheck.Require("Generation", this);
}
