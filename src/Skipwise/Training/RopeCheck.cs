using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Training;

/// <summary>
/// Compares the frequencies of a training step with the base model's, and the run's largest position with the window that the scaling
/// reaches. A RoPE scaling that is lost between configuration and model ruins the run, and the loss curve does not show it.
/// </summary>
internal static class RopeCheck
{
    /// <summary>One line: "check: 7 of 8 frequencies differ from the base model's, the slowest pair turns 16 times slower; ...".</summary>
    /// <param name="baseTheta">rope_theta of the base model</param>
    /// <param name="running">the model that is trained: asked for the rotation of a batch as a training step does</param>
    /// <param name="largestPosition">the largest position id of the run</param>
    public static string Describe(double baseTheta, CausalLM running, int largestPosition)
    {
        DecoderConfig model = running.Config;
        RopeOptions rope = model.Rope;
        using Batch batch = Batch.Padded([new TrainingExample([0, 0], [0, largestPosition], [0, 0])], running.Device);
        using Rotary rotary = CausalLoss.RotaryFor(running, batch);
        double[] plain = RopeFrequency.Compute(new RopeOptions { Theta = baseTheta }, model.RotaryDim).InvFreq;
        double[] used = rotary.Frequencies.InvFreq;
        double[] ratios = [.. plain.Zip(used, (before, after) => before / after)];
        int changed = ratios.Count(ratio => Math.Abs(ratio - 1) > 1e-9);
        // A larger base alone has no factor, so its reach is unknown.
        bool isNewBase = rope.Type == RopeType.Default && changed > 0;
        int original = rope.OriginalMaxPositionEmbeddings > 0 ? rope.OriginalMaxPositionEmbeddings : model.MaxPositionEmbeddings;
        int reach = isNewBase ? model.MaxPositionEmbeddings : (int)Math.Min(int.MaxValue, Math.Round(original * rope.Factor));

        string frequencies = changed > 0
            ? FormattableString.Invariant(
                $"{changed} of {used.Length} frequencies differ from the base model's, at most {ratios.Max():0.###}-fold")
            : $"all {used.Length} frequencies are the base model's";
        string positions =
            $"positions to {largestPosition} {(largestPosition < reach ? "fit" : "exceed")} the {reach} tokens that they are meant for";
        return $"{(changed > 0 && largestPosition < reach ? "check" : "warning")}: {frequencies}; {positions}";
    }
}
