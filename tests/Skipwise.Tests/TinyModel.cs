using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Rope;

namespace Skipwise.Tests;

/// <summary>A model small enough to be read thousands of times, with random weights.</summary>
internal static class TinyModel
{
    public const int Vocabulary = 50;

    public static CausalLM Create(ulong seed = 1, int vocabulary = Vocabulary, RopeOptions? rope = null, bool tied = false,
        double initializerRange = 1, Func<DecoderConfig, DecoderConfig>? change = null)
    {
        DecoderConfig config = Config(vocabulary, tied) with { InitializerRange = initializerRange, Rope = rope ?? new RopeOptions() };
        var model = new CausalLM(change?.Invoke(config) ?? config);
        WeightInit.Initialize(model, seed);
        return model;
    }

    public static DecoderConfig Config(int vocabulary = Vocabulary, bool tied = false) => new()
    {
        VocabSize = vocabulary,
        HiddenSize = 32,
        IntermediateSize = 48,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 8,
        MaxPositionEmbeddings = 128,
        InitializerRange = 1,
        TieWordEmbeddings = tied,
        Rope = new RopeOptions(),
    };

    /// <summary>A scaling that depends on the length; its two lists are far apart.</summary>
    public static RopeOptions Rope(RopeType type, int original) => new()
    {
        Type = type,
        Factor = 4,
        OriginalMaxPositionEmbeddings = original,
        ShortFactor = type == RopeType.LongRope ? [1, 1, 1.5, 2] : null,
        LongFactor = type == RopeType.LongRope ? [1, 2, 4, 8] : null,
    };

    /// <summary>Random ids without the first two, which tests use as BOS and stop.</summary>
    public static int[] Tokens(ulong seed, int count, int vocabulary = Vocabulary)
    {
        var rng = new KeyedRandom(seed, stream: 7);
        var ids = new int[count];
        for (int i = 0; i < count; i++)
        {
            ids[i] = rng.Between(2, vocabulary - 1);
        }
        return ids;
    }
}
