using Skipwise.Models;
using Skipwise.Rope;
using static System.FormattableString;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// How llama.cpp gets the RoPE scaling that an adapter was trained with. An adapter's file has none: llama.cpp takes that of the base
/// model's file, or of its own arguments.
/// </summary>
internal static class GgufBaseRope
{
    private const double Equal = 1e-6;

    /// <summary>The options with which the base model is exported with the adapter's scaling, in the adapter's architecture.</summary>
    /// <param name="modelType">of the base model's family</param>
    /// <param name="plain">the base model as it is</param>
    /// <param name="adapted">the base model with the adapter's scaling, which llama.cpp computes</param>
    /// <returns>without any option if the base model has the scaling itself; null if options do not express it</returns>
    public static RopeOverrides? Options(string modelType, DecoderConfig plain, DecoderConfig adapted)
    {
        string architecture = GgufArchitecture.For(modelType, adapted).Name;
        // the same frequencies may have several names
        IEnumerable<RopeOverrides> named = Enum.GetValues<RopeType>().OrderBy(type => type != adapted.Rope.Type)
            .Select(type => As(type, plain, adapted));
        return named.Prepend(new()).FirstOrDefault(options => Apply(options, plain) is { } model
            && GgufArchitecture.Refusal(modelType, model) is null && GgufArchitecture.For(modelType, model).Name == architecture
            && AreEqual(model, adapted));
    }

    private static DecoderConfig? Apply(RopeOverrides options, DecoderConfig plain)
    {
        try
        {
            return options.Apply(plain);
        }
        catch (SkipwiseException)
        {
            return null; // options hold no lists, and some scalings need a window of some length
        }
    }

    private static RopeOverrides As(RopeType type, DecoderConfig plain, DecoderConfig adapted)
    {
        bool isScaled = type != RopeType.Default;
        return new()
        {
            Type = type,
            Factor = isScaled ? Math.Max(1, adapted.Rope.Factor) : null,
            OriginalLength = isScaled ? adapted.Rope.OriginalMaxPositionEmbeddings : adapted.MaxPositionEmbeddings,
            Theta = adapted.Rope.Theta == plain.Rope.Theta ? null : adapted.Rope.Theta,
        };
    }

    private static bool AreEqual(DecoderConfig one, DecoderConfig other)
    {
        RopeFrequencies a = RopeFrequency.Compute(one.Rope, one.RotaryDim), b = RopeFrequency.Compute(other.Rope, other.RotaryDim);
        return one.MaxPositionEmbeddings == other.MaxPositionEmbeddings && AreEqual(a.AttentionFactor, b.AttentionFactor)
            && a.InvFreq.Zip(b.InvFreq, AreEqual).All(equal => equal);
    }

    private static bool AreEqual(double a, double b) => Math.Abs(a - b) <= Equal * Math.Abs(b);

    /// <summary>The arguments with which llama.cpp computes the scaling from a file of the base model as it is.</summary>
    /// <returns>null if it needs none, or has no arguments for the scaling</returns>
    /// <inheritdoc cref="Options" path="/param"/>
    public static string? Arguments(string modelType, DecoderConfig plain, DecoderConfig adapted)
    {
        RopeOptions rope = adapted.Rope;
        double scale = RopeFrequency.Compute(rope, adapted.RotaryDim).AttentionFactor;
        double derived = rope.Type == RopeType.Yarn ? 1 + (0.1 * Math.Log(rope.Factor)) : 1;
        if (plain.Rope.Type != RopeType.Default || !AreEqual(scale, derived))
        {
            return null; // the arguments would come on top of the file's scaling, and they have no scale of cos and sin alone
        }
        double theta = rope.Type == RopeType.Ntk ? RopeFrequency.NtkTheta(rope.Theta, rope.Factor, adapted.RotaryDim) : rope.Theta;
        string number = theta == plain.Rope.Theta ? "" : Invariant($" --rope-freq-base {theta}");
        string? scaling = rope.Type switch
        {
            RopeType.Linear => Invariant($" --rope-scaling linear --rope-scale {rope.Factor}"),
            RopeType.Yarn =>
                Invariant($" --rope-scaling yarn --rope-scale {rope.Factor} --yarn-orig-ctx {rope.OriginalMaxPositionEmbeddings}"),
            RopeType.Default or RopeType.Ntk when number != "" => "",
            _ => null,
        };
        // its server serves no longer context than the file states
        string architecture = GgufArchitecture.For(modelType, plain).Name;
        return scaling is null ? null : $"-c {adapted.MaxPositionEmbeddings}{scaling}{number} " +
            $"--override-kv {architecture}.context_length=int:{adapted.MaxPositionEmbeddings}";
    }
}
