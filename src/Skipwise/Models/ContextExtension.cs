using System.Globalization;
using Skipwise.Positions;
using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>
/// Decides the RoPE scaling of an extended model. Scalings are never stacked: an existing one is replaced by name, or refused.
/// </summary>
internal static class ContextExtension
{
    /// <summary>The model's configuration with RoPE scaled to the target: one function for texts of every length.</summary>
    /// <param name="model">as its config.json describes it</param>
    /// <param name="targetLength">Lt, in tokens</param>
    /// <param name="overrides">the user's settings; the factor is target / original unless given</param>
    /// <param name="preference">scaling if the user names none, and its form; null: yarn, in its own form</param>
    /// <exception cref="SkipwiseException">the model is scaled already and no replacement is named, or the target is no longer than the
    /// window</exception>
    public static DecoderConfig Extend(DecoderConfig model, int targetLength, RopeOverrides overrides, RopePreference? preference = null)
    {
        RopeOptions rope = model.Rope;
        bool isScaled = rope.Type != RopeType.Default;
        if (isScaled && overrides.Type is null)
        {
            throw new SkipwiseException(
                $"The model's rotary embedding is scaled already ({Describe(rope)}), and scalings are never stacked. " +
                $"Name the one to use in its place and the base model's window: " +
                $"{OptionName.Of(nameof(RopeOverrides.Type))} yarn {OptionName.Of(nameof(RopeOverrides.OriginalLength))} " +
                $"{rope.OriginalMaxPositionEmbeddings}.");
        }
        int original = overrides.OriginalLength ?? OriginalLength(model);
        if (targetLength <= original)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(PoseOptions.TargetLength))} {targetLength} is no longer than the model's window of {original} " +
                $"tokens: there is nothing to extend. Give a longer target.");
        }
        RopeType type = overrides.Type ?? preference?.Default ?? RopeType.Yarn;
        RopeOverrides decided = overrides with
        {
            Type = type,
            OriginalLength = original,
            Factor = overrides.Factor ?? (type == RopeType.Default ? null : (double)targetLength / original),
        };
        DecoderConfig plain = isScaled
            ? model with { Rope = new RopeOptions { Theta = rope.Theta }, MaxPositionEmbeddings = original }
            : model;
        if (type == RopeType.LongRope && plain.Rope.LongFactor is null)
        {
            double[] divisors = YarnDivisors(plain, decided);
            plain = plain with { Rope = plain.Rope with { ShortFactor = divisors, LongFactor = divisors } };
        }
        DecoderConfig extended = decided.Apply(plain);
        // A length-dependent scaling would train every example, and every row batched with it, on a different function, and none of them on
        // the function that shorter texts use later.
        RopeOptions pinned = RopeFrequency.Pinned(extended.Rope, targetLength);
        bool becomesList = type == RopeType.DynamicNtk && preference is { LongRopeOnly: true };
        return extended with
        {
            MaxPositionEmbeddings = targetLength,
            Rope = becomesList ? AsLongRope(pinned, extended.RotaryDim, overrides.Factor ?? (double)targetLength / original) : pinned,
        };
    }

    /// <summary>The same frequencies and scale in longrope's terms, one list for texts of every length.</summary>
    private static RopeOptions AsLongRope(RopeOptions rope, int rotaryDim, double factor)
    {
        double[] divisors = RopeFrequency.Divisors(rope, rotaryDim);
        return rope with { Type = RopeType.LongRope, Factor = factor, ShortFactor = divisors, LongFactor = divisors, AttentionFactor = 1 };
    }

    /// <summary>
    /// Longrope's lists for a model without any: YaRN's divisors. The scale of cos and sin is then longrope's own, which every program
    /// derives.
    /// </summary>
    private static double[] YarnDivisors(DecoderConfig plain, RopeOverrides decided) =>
        RopeFrequency.Divisors((decided with { Type = RopeType.Yarn }).Apply(plain).Rope, plain.RotaryDim);

    /// <summary>The window that the base model was trained with, in tokens.</summary>
    public static int OriginalLength(DecoderConfig model) =>
        model.Rope.Type == RopeType.Default || model.Rope.OriginalMaxPositionEmbeddings == 0
        ? model.MaxPositionEmbeddings
        : model.Rope.OriginalMaxPositionEmbeddings;

    /// <summary>One readable line: "yarn, factor 8, original length 2048, theta 10000".</summary>
    public static string Describe(RopeOptions rope) =>
        rope.Type == RopeType.Default
            ? FormattableString.Invariant($"default, theta {rope.Theta:0.####}")
            : string.Create(CultureInfo.InvariantCulture,
                $"{RopeTypeNames.NameOf(rope.Type)}, factor {rope.Factor:0.####}, original length {rope.OriginalMaxPositionEmbeddings}, " +
                $"theta {rope.Theta:0.####}");
}
