using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Checkpoints;

/// <summary>What a user says about the rope against the model's config.json; null keeps what the file says.</summary>
public sealed record RopeOverrides
{
    /// <summary><c>--rope</c>: the scaling</summary>
    public RopeType? Type { get; init; }
    /// <summary><c>--rope-factor</c>: s, target length / original length</summary>
    [Within(1, 1e6, Name = "--rope-factor")]
    public double? Factor { get; init; }
    /// <summary><c>--rope-original-length</c>: the window of the base model, in tokens</summary>
    [Within(1, 1 << 27, Name = "--rope-original-length")]
    public int? OriginalLength { get; init; }
    /// <summary><c>--rope-theta</c>: the base</summary>
    [Within(1, 1e15, Name = "--rope-theta", Above = true)]
    public double? Theta { get; init; }

    /// <summary>The model with this rope, and with the window it is then meant for: original length times factor.</summary>
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
            throw new SkipwiseException(FormattableString.Invariant(
                $"--rope-factor {factor}: the model has no rope scaling. Say which one you mean: --rope linear, ntk, yarn, ..."));
        }
        if (type != RopeType.Default && Type is not null && Factor is null && model.Rope.Type == RopeType.Default)
        {
            throw new SkipwiseException($"--rope {RopeTypeNames.NameOf(type)} needs --rope-factor (target length / original length); the model's own config.json has none");
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
            MaxPositionEmbeddings = sameLength ? model.MaxPositionEmbeddings : RopeConfigReader.Extended(original, factor),
        };
    }
}

/// <summary>Where a model comes from: a folder with config.json, weights and tokenizer, and the user's word on its rope.</summary>
/// <param name="Folder">a Hugging Face folder, or a llama2.c checkpoint (the file, or its folder)</param>
/// <param name="FreezePadRow">never train the embedding of pad_token_id, as the original's nn.Embedding does: only to reproduce its numbers</param>
/// <param name="Adapter">folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</param>
/// <param name="Bits">8 or 4: the layers' projections are packed as they are read, unless an adapter is merged into them; null packs none</param>
/// <param name="IsFrozen">
/// the model is not trained: its numbers may stay where the file has them, at any address, and matrices of 16 bits as they are, to be widened where they are computed
/// with. That gives the same numbers; it is done where the model computes in float32 on the CPU, and no adapter is merged
/// </param>
public sealed record ModelSource(
    [property: PathName(Name = "--model")] string Folder,
    RopeOverrides? Rope = null,
    bool FreezePadRow = false,
    [property: PathName(Name = "--adapter")] string? Adapter = null,
    int? Bits = null,
    bool IsFrozen = false);
