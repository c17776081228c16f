namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    private static readonly string s_factor = OptionName.Of(nameof(RopeOptions.Factor)),
        s_original = OptionName.Of(nameof(RopeOptions.OriginalMaxPositionEmbeddings));

    /// <summary>Reports everything that is invalid in <paramref name="rope"/>, in one message.</summary>
    /// <exception cref="SkipwiseException">one line per problem: the value, the limit, the remedy</exception>
    public static void Validate(RopeOptions rope, int rotaryDim)
    {
        List<string> problems = [];
        void Require(bool holds, FormattableString problem)
        {
            if (!holds)
            {
                problems.Add(FormattableString.Invariant(problem));
            }
        }

        bool known = Enum.IsDefined(rope.Type);
        Require(known, $"rope type {rope.Type} does not exist.");
        string name = known ? RopeTypeNames.NameOf(rope.Type) : "";
        bool changesTheta = rope.Type is RopeType.Ntk or RopeType.DynamicNtk;
        bool needsOriginal = rope.Type is RopeType.DynamicNtk or RopeType.Yarn or RopeType.YarnRevised or RopeType.Llama3
            or RopeType.LongRope;

        int original = rope.OriginalMaxPositionEmbeddings;
        Require(rotaryDim >= 2 && rotaryDim % 2 == 0,
            $"rotary dimension {rotaryDim}: must be even and at least 2 (they rotate in pairs). Check head_dim and partial_rotary_factor.");
        Require(!changesTheta || rotaryDim != 2,
            $"rope type {name} needs a rotary dimension of at least 4: with one pair its exponent d / (d - 2) does not exist.");
        Require(rope.Theta > 1 && double.IsFinite(rope.Theta),
            $"rope_theta ({OptionName.Of(nameof(RopeOptions.Theta))}) is {rope.Theta}: must be greater than 1.");
        Require(rope.Type == RopeType.Default || (rope.Factor >= 1 && double.IsFinite(rope.Factor)),
            $"the factor ({s_factor}) of rope type {name} is {rope.Factor}: must be at least 1; it is target length / original length.");
        // longrope divides by ln L, so its L must be more than 1
        Require(!needsOriginal || rope.OriginalMaxPositionEmbeddings > 1,
            $"rope type {name} needs original_max_position_embeddings ({s_original}), found {original}: the base window.");
        Require(rope.AttentionFactor is null or > 0, $"attention_factor is {rope.AttentionFactor}: must be greater than 0.");
        if (rope.Type is RopeType.Yarn or RopeType.YarnRevised)
        {
            Require(rope.BetaSlow > 0 && rope.BetaFast >= rope.BetaSlow,
                $"beta_fast {rope.BetaFast} and beta_slow {rope.BetaSlow}: must satisfy beta_fast >= beta_slow > 0.");
        }
        if (rope.Type == RopeType.Llama3)
        {
            Require(rope.LowFreqFactor > 0 && rope.HighFreqFactor > rope.LowFreqFactor,
                $"low_freq_factor {rope.LowFreqFactor} and high_freq_factor {rope.HighFreqFactor}: must satisfy high > low > 0.");
        }
        if (rope.Type == RopeType.LongRope)
        {
            RequireDivisors("short_factor", rope.ShortFactor);
            RequireDivisors("long_factor", rope.LongFactor);
        }
        if (problems.Count > 0)
        {
            throw new SkipwiseException(string.Join(Environment.NewLine, problems));
        }

        void RequireDivisors(string key, IReadOnlyList<double>? divisors)
        {
            int count = divisors?.Count ?? 0;
            Require(divisors is not null && count == rotaryDim / 2,
                $"longrope needs {key} with {rotaryDim / 2} numbers, one per pair of the {rotaryDim} rotary dimensions; found {count}.");
            Require(divisors is null || divisors.All(x => x > 0 && double.IsFinite(x)),
                $"{key} holds a number that is not greater than 0.");
        }
    }
}
