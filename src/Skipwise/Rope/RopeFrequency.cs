namespace Skipwise.Rope;

/// <summary>
/// The rotary frequencies of every scaling, one formula per file, all in float64. Notation: d rotary dimensions, pair i = 0..d/2 - 1,
/// f_i = theta^(-2i/d) radians per token, s factor, L original length.
/// </summary>
/// <example>
/// <code>
/// RopeOptions yarn = new() { Type = RopeType.Yarn, Factor = 8, OriginalMaxPositionEmbeddings = 4096 };
/// (double[] radiansPerToken, double attentionFactor) = RopeFrequency.Compute(yarn, rotaryDim: 128);
/// </code>
/// </example>
public static partial class RopeFrequency
{
    /// <summary>Computes the frequencies of a scaling.</summary>
    /// <param name="rope">the scaling; see <see cref="RopeOptions"/> for what each type reads</param>
    /// <param name="rotaryDim">d, even: the dimensions of a head that rotate</param>
    /// <param name="sequenceLength">
    /// the sequence's largest position + 1, for the two types that depend on it (dynamic-ntk, longrope); 0..L means the unextended model
    /// </param>
    /// <exception cref="SkipwiseException">invalid options, all of them in one message</exception>
    public static RopeFrequencies Compute(RopeOptions rope, int rotaryDim, int sequenceLength = 0)
    {
        Validate(rope, rotaryDim);
        double[] invFreq = rope.Type switch
        {
            RopeType.Linear => Linear(rope, rotaryDim),
            RopeType.Ntk => Ntk(rope, rotaryDim),
            RopeType.DynamicNtk => DynamicNtk(rope, rotaryDim, sequenceLength),
            RopeType.Yarn => Yarn(rope, rotaryDim),
            RopeType.YarnRevised => YarnRevised(rope, rotaryDim),
            RopeType.Llama3 => Llama3(rope, rotaryDim),
            RopeType.LongRope => LongRope(rope, rotaryDim, sequenceLength),
            _ => Default(rope.Theta, rotaryDim),
        };
        double derived = rope.Type switch
        {
            RopeType.Yarn or RopeType.YarnRevised => YarnAttentionFactor(rope.Factor),
            RopeType.LongRope => LongRopeAttentionFactor(rope),
            _ => 1,
        };
        return new RopeFrequencies(invFreq, rope.AttentionFactor ?? derived);
    }

    /// <summary>The divisor of each pair's frequency, for a scaling that does not depend on the length. LongRoPE's lists hold such
    /// divisors.</summary>
    /// <returns>one divisor per dimension pair: double[rotaryDim / 2]</returns>
    /// <inheritdoc cref="Compute"/>
    public static double[] Divisors(RopeOptions rope, int rotaryDim) =>
        [.. Default(rope.Theta, rotaryDim).Zip(Compute(rope, rotaryDim).InvFreq, (plain, scaled) => plain / scaled)];
}
