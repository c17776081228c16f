using System.Globalization;
using Skipwise.Rope;

namespace Skipwise.Models;

/// <summary>RoPE settings of the user in place of the model's config.json; null keeps the file's.</summary>
/// <example>
/// <code>
/// using Skipwise.Recipes;
/// using Skipwise.Rope;
///
/// RopeOverrides ntk = new() { Type = RopeType.Ntk, Factor = 4 };
/// using LanguageModel stretched = LanguageModel.Load("llama-2-7b", new() { Rope = ntk }); // without any training
/// </code>
/// </example>
public sealed record RopeOverrides
{
    /// <summary>the scaling in place of the file's</summary>
    public RopeType? Type { get; init; }
    /// <summary>s, target length / original length</summary>
    [Within(1, 1e6)]
    public double? Factor { get; init; }
    /// <summary>the window of the base model, in tokens</summary>
    [Within(1, 1 << 27)]
    public int? OriginalLength { get; init; }
    /// <summary>the base</summary>
    [Within(1, 1e15, Above = true)]
    public double? Theta { get; init; }

    /// <summary>The model with this RoPE, and the window that results: original length times factor.</summary>
    /// <exception cref="SkipwiseException">a factor without a scaling, a scaling without a factor, or a number out of range</exception>
    public DecoderConfig Apply(DecoderConfig model)
    {
        if (this == new RopeOverrides())
        {
            return model;
        }
        RopeType type = Type ?? model.Rope.Type;
        double factor = Factor ?? (type == RopeType.Default ? 1 : model.Rope.Factor);
        if (type == RopeType.Default && factor != 1)
        {
            throw new SkipwiseException(string.Create(CultureInfo.InvariantCulture,
                $"{OptionName.Of(nameof(RopeOverrides.Factor))} {factor}: the model has no rope scaling. Say which one you mean: "
                + $"{OptionName.Of(nameof(RopeOverrides.Type))} linear, ntk, yarn, ..."));
        }
        if (type != RopeType.Default && Type is not null && Factor is null && model.Rope.Type == RopeType.Default)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(RopeOverrides.Type))} {RopeTypeNames.NameOf(type)} needs " +
                $"{OptionName.Of(nameof(RopeOverrides.Factor))} " +
                $"(target length / original length); the model's own config.json has none");
        }
        int original = OriginalLength ?? model.Rope.OriginalMaxPositionEmbeddings;
        bool sameLength = Factor is null && OriginalLength is null && type != RopeType.Default;
        // Lists and scale belong to the file's own scaling; another type derives its own.
        bool sameType = type == model.Rope.Type;
        RopeOptions rope = model.Rope with
        {
            Type = type,
            Factor = factor,
            Theta = Theta ?? model.Rope.Theta,
            OriginalMaxPositionEmbeddings = original,
            AttentionFactor = sameType && Factor is null ? model.Rope.AttentionFactor : null,
        };
        RopeFrequency.Validate(rope, model.RotaryDim);
        return model with
        {
            Rope = rope,
            MaxPositionEmbeddings = sameLength ? model.MaxPositionEmbeddings : RopeFrequency.ExtendedLength(original, factor),
        };
    }
}
