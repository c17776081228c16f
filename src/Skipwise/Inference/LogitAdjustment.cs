using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Changes to the logits of one text before its next token is sampled: Hugging Face's repetition penalty, then OpenAI's penalties
/// and bias.</summary>
internal static class LogitAdjustment
{
    // V vocabulary

    /// <summary>Whether there is nothing to change.</summary>
    public static bool IsNone(GenerationOptions options) =>
        options is { RepetitionPenalty: 1, FrequencyPenalty: 0, PresencePenalty: 0, LogitBias.Count: 0 };

    /// <param name="logits">float32 [V]; changed</param>
    /// <param name="text">the tokens so far, those of the prompt included</param>
    /// <param name="prompt">tokens of the prompt</param>
    public static void Apply(Tensor logits, IReadOnlyList<int> text, int prompt, GenerationOptions options)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (options.RepetitionPenalty != 1)
        {
            Tensor ids = Ids(text.Distinct(), logits.device), present = logits.index_select(0, ids);
            logits.index_copy_(0, ids,
                where(present.gt(0), present / options.RepetitionPenalty, present * options.RepetitionPenalty));
        }
        (int Id, double Change)[] penalties = options is { FrequencyPenalty: 0, PresencePenalty: 0 } ? []
            : [.. text.Skip(prompt).CountBy(id => id)
                .Select(token => (token.Key, -((token.Value * options.FrequencyPenalty) + options.PresencePenalty)))];
        Add(logits, [.. penalties, .. options.LogitBias.Select(bias => (bias.Key, bias.Value))]);
    }

    private static void Add(Tensor logits, (int Id, double Change)[] changes)
    {
        if (changes.Length > 0)
        {
            Tensor added = HostToDevice.Copy(tensor(Array.ConvertAll(changes, change => (float)change.Change)), logits.device);
            logits.index_add_(0, Ids(changes.Select(change => change.Id), logits.device), added, alpha: 1);
        }
    }

    private static Tensor Ids(IEnumerable<int> ids, Device device) =>
        HostToDevice.Copy(tensor(ids.Select(id => (long)id).ToArray(), dtype: ScalarType.Int64), device);
}
