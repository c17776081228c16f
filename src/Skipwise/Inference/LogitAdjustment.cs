using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Changes to the logits of one text before its next token is sampled, as in Hugging Face: the repetition penalty, then the
/// bias.</summary>
internal static class LogitAdjustment
{
    // V vocabulary

    /// <summary>Whether there is nothing to change.</summary>
    public static bool IsNone(GenerationOptions options) => options.RepetitionPenalty == 1 && options.LogitBias.Count == 0;

    /// <param name="logits">float32 [V]; changed</param>
    /// <param name="text">the tokens so far, those of the prompt included</param>
    public static void Apply(Tensor logits, IEnumerable<int> text, GenerationOptions options)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (options.RepetitionPenalty != 1)
        {
            Tensor ids = Ids(text.Distinct(), logits.device), present = logits.index_select(0, ids);
            logits.index_copy_(0, ids,
                where(present.gt(0), present / options.RepetitionPenalty, present * options.RepetitionPenalty));
        }
        if (options.LogitBias.Count > 0)
        {
            Tensor biases = HostToDevice.Copy(tensor(options.LogitBias.Values.Select(bias => (float)bias).ToArray()), logits.device);
            logits.index_add_(0, Ids(options.LogitBias.Keys, logits.device), biases, alpha: 1);
        }
    }

    private static Tensor Ids(IEnumerable<int> ids, Device device) =>
        HostToDevice.Copy(tensor(ids.Select(id => (long)id).ToArray(), dtype: ScalarType.Int64), device);
}
