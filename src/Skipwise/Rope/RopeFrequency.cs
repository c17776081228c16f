namespace Skipwise.Rope;

/// <summary>
/// The rotary frequencies of every scaling, one formula per file, all in float64. Notation: d rotary dimensions, pair i = 0..d/2 - 1,
/// f_i = theta^(-2i/d) radians per token, s factor, L original length.
/// </summary>
public static partial class RopeFrequency
{
    /// <param name="rope">the scaling; see <see cref="RopeOptions"/> for what each type reads</param>
    /// <param name="rotaryDim">d, even: the dimensions of a head that rotate</param>
    /// <param name="sequenceLength">
    /// the largest position of the sequence at hand + 1, for the two types that depend on it (dynamic-ntk, longrope); at most L, or 0,
    /// means the unextended model
    /// </param>
    /// <exception cref="SkipwiseException">options that the formula cannot take, all of them in one message</exception>
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

    /// <summary>By how much a scaling that does not depend on the length slows each pair: what longrope's lists hold.</summary>
    /// <returns>one divisor per dimension pair: double[rotaryDim / 2]</returns>
    /// <inheritdoc cref="Compute"/>
    public static double[] Divisors(RopeOptions rope, int rotaryDim) =>
        [.. Default(rope.Theta, rotaryDim).Zip(Compute(rope, rotaryDim).InvFreq, (plain, scaled) => plain / scaled)];
}
