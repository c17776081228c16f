namespace Skipwise.Rope;

/// <summary>What a user may say about a model's rotary embedding; null keeps or derives the value.</summary>
public sealed record RopeOverrides
{
    /// <summary>kind of scaling (--rope)</summary>
    public RopeType? Type { get; init; }
    /// <summary>s (--rope-factor); derived as target / original when null</summary>
    public double? Factor { get; init; }
    /// <summary>window of the base model in tokens (--rope-original-length)</summary>
    public int? OriginalLength { get; init; }
    /// <summary>base of the frequencies (--rope-theta)</summary>
    public double? Theta { get; init; }

    public bool IsEmpty => this == new RopeOverrides();
}

/// <summary>Decides the rotary embedding of an extended model. Scaling is never stacked: one that the model already has is replaced by name or refused.</summary>
public static class RopeExtension
{
    /// <summary>The model's own rotary embedding with the user's words put in; no window is derived.</summary>
    /// <param name="window">the model's max_position_embeddings</param>
    public static RopeOptions Override(RopeOptions rope, int window, RopeOverrides overrides)
    {
        if (overrides.IsEmpty)
        {
            return rope;
        }
        RopeType type = overrides.Type ?? rope.Type;
        int original = overrides.OriginalLength ?? (rope.OriginalMaxPositionEmbeddings > 0 ? rope.OriginalMaxPositionEmbeddings : window);
        return rope with
        {
            Type = type,
            Theta = overrides.Theta ?? rope.Theta,
            Factor = overrides.Factor ?? rope.Factor,
            OriginalMaxPositionEmbeddings = type == RopeType.Default ? 0 : original,
        };
    }

    /// <summary>The rotary embedding that stretches a model from its window to <paramref name="targetLength"/>.</summary>
    /// <param name="rope">the model's present one</param>
    /// <param name="window">the model's present max_position_embeddings, in tokens</param>
    /// <param name="defaultType">used when the user names none</param>
    /// <exception cref="SkipwiseException">the model is scaled already and no replacement is named, or the target is no longer than the window</exception>
    public static RopeOptions Extend(RopeOptions rope, int window, int targetLength, RopeOverrides overrides, RopeType defaultType = RopeType.Yarn)
    {
        if (rope.Type != RopeType.Default && overrides.Type is null)
        {
            throw new SkipwiseException(
                $"The model's rotary embedding is already scaled ({Describe(rope)}), and scalings are never stacked. " +
                $"Name the one to use instead, with the base model's window: --rope yarn --rope-original-length N.");
        }
        int original = overrides.OriginalLength ?? (rope.OriginalMaxPositionEmbeddings > 0 ? rope.OriginalMaxPositionEmbeddings : window);
        if (targetLength <= original)
        {
            throw new SkipwiseException($"--target-length {targetLength} is no longer than the model's window of {original} tokens; there is nothing to extend. Give a larger target.");
        }
        RopeType type = overrides.Type ?? defaultType;
        var fresh = new RopeOptions { Theta = rope.Theta };
        return Override(fresh, original, overrides with
        {
            Type = type,
            Factor = overrides.Factor ?? (type == RopeType.Default ? 1 : (double)targetLength / original),
            OriginalLength = original,
        });
    }

    /// <summary>One line a person reads: "yarn, factor 8, original length 2048, theta 10000".</summary>
    public static string Describe(RopeOptions rope) =>
        rope.Type == RopeType.Default
            ? $"default, theta {rope.Theta:0.####}"
            : $"{RopeTypeNames.Name(rope.Type)}, factor {rope.Factor:0.####}, original length {rope.OriginalMaxPositionEmbeddings}, theta {rope.Theta:0.####}";
}
