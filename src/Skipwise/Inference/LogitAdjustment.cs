using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Changes to the logits of one text before its next token is sampled: Hugging Face's repetition penalty, then OpenAI's penalties
/// and bias.</summary>
/// <param name="options">penalties and bias</param>
/// <param name="prompt">tokens that were not generated: the repetition penalty alone counts them</param>
internal sealed class LogitAdjustment(GenerationOptions options, IEnumerable<int> prompt)
{
    // V vocabulary
    private readonly HashSet<int> _present = [.. options.RepetitionPenalty == 1 ? [] : prompt];
    private readonly Dictionary<int, int> _generated = [];

    /// <summary>Whether there is nothing to change.</summary>
    public static bool IsNone(GenerationOptions options) =>
        options is { RepetitionPenalty: 1, FrequencyPenalty: 0, PresencePenalty: 0, LogitBias.Count: 0 };

    /// <summary>Takes note of a token that was generated.</summary>
    public void Count(int id)
    {
        _present.Add(id);
        _generated[id] = _generated.GetValueOrDefault(id) + 1;
    }

    /// <param name="logits">float32 [V]; changed</param>
    public void Apply(Tensor logits)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (options.RepetitionPenalty != 1)
        {
            Tensor ids = Ids(_present, logits.device), present = logits.index_select(0, ids);
            logits.index_copy_(0, ids,
                where(present.gt(0), present / options.RepetitionPenalty, present * options.RepetitionPenalty));
        }
        IEnumerable<(int, double)> penalties = options is { FrequencyPenalty: 0, PresencePenalty: 0 } ? []
            : _generated.Select(token => (token.Key, -((token.Value * options.FrequencyPenalty) + options.PresencePenalty)));
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
