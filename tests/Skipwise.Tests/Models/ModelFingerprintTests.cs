using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

public sealed class ModelFingerprintTests
{
    [Fact]
    public void The_same_weights_have_one_fingerprint_and_any_change_another()
    {
        using CausalLM model = TinyModel.Create(seed: 4), same = TinyModel.Create(seed: 4), other = TinyModel.Create(seed: 5);
        using CausalLM scaled = TinyModel.Create(seed: 4, rope: new RopeOptions { Type = RopeType.Linear, Factor = 2 });
        ulong fingerprint = ModelFingerprint.Compute(model);
        Assert.Equal(fingerprint, ModelFingerprint.Compute(same));
        Assert.NotEqual(fingerprint, ModelFingerprint.Compute(other));
        Assert.NotEqual(fingerprint, ModelFingerprint.Compute(scaled));
        using (no_grad())
        {
            using TorchSharp.torch.Tensor last = same.parameters().Last()[^1];
            last.add_(1e-3);
        }
        Assert.NotEqual(fingerprint, ModelFingerprint.Compute(same));
    }

    /// <summary>
    /// Stored measurements are found again by this number. What is hashed is a list of names and values in ArchitectureValues, not the
    /// record DecoderConfig: a property that is added to that, moved or renamed cannot change it. If this test fails, every stored
    /// measurement of every user is lost: a name or a form was changed that has to stay, or a value was added without what it means where
    /// it is missing.
    /// </summary>
    [Fact]
    public void The_fingerprint_of_a_fixture_is_this_number()
    {
        using PretrainedModel model = PretrainedModel.Load(new ModelSource(Fixture.Path("llama-yarn16")));
        Assert.Equal(9204776155975938478UL, ModelFingerprint.Compute(model.Model));
    }

    [Fact]
    public void A_value_that_is_what_its_absence_means_does_not_change_it()
    {
        Assert.True(new NamedValue("later", "off", Missing: "off").IsMissing);
        Assert.False(new NamedValue("later", "on", Missing: "off").IsMissing);
        Assert.False(new NamedValue("first", "off").IsMissing);
        Assert.DoesNotContain(ArchitectureValues.OfTraining(TinyModel.Config()), value => value.IsMissing); // all are of the first version
    }

    /// <summary>Names and values of the list; a value of each enumeration has one of its own.</summary>
    [Fact]
    public void Whatever_decides_a_forward_pass_is_told_apart()
    {
        DecoderConfig config = TinyModel.Config();
        DecoderConfig[] others =
        [
            config, config with { VocabSize = 51 }, config with { HiddenSize = 64 }, config with { IntermediateSize = 49 },
            config with { NumHiddenLayers = 3 }, config with { NumAttentionHeads = 2 }, config with { NumKeyValueHeads = 1 },
            config with { HeadDim = 16 },
            config with { RotaryDim = 4 }, config with { RotaryLayout = RotaryLayout.Interleaved },
            config with { Norm = NormKind.RmsUnitOffset },
            config with { Norm = NormKind.Layer }, config with { NormEps = 1e-5 }, config with { Residual = ResidualKind.Parallel },
            config with { Residual = ResidualKind.ParallelSharedNorm }, config with { Activation = Activation.Gelu },
            config with { Activation = Activation.GeluTanh }, config with { GatedFeedForward = false },
            config with { AttentionBias = true },
            config with { AttentionOutputBias = true }, config with { MlpBias = true }, config with { QueryKeyNorm = true },
            config with { SlidingWindow = 4 }, config with { FirstSlidingLayer = 1 }, config with { EmbeddingScale = 2 },
            config with { TieWordEmbeddings = true }, config with { HeadBias = true }, config with { NormalizedHead = true },
            config with { MaxPositionEmbeddings = 256 }, config with { BosTokenId = 1 }, config with { EosTokenId = 1 },
            .. Enum.GetValues<RopeType>().Where(type => type != RopeType.Default)
                .Select(type => config with { Rope = new RopeOptions { Type = type } }),
            .. ((RopeOptions[])
            [
                new() { Theta = 5 }, new() { Factor = 2 }, new() { OriginalMaxPositionEmbeddings = 8 }, new() { BetaFast = 8 },
                new() { BetaSlow = 2 },
                new() { AttentionFactor = 1 }, new() { LowFreqFactor = 2 }, new() { HighFreqFactor = 5 }, new() { ShortFactor = [1, 2] },
                new() { LongFactor = [1, 2] },
            ]).Select(rope => config with { Rope = rope }),
        ];
        string[] told =
            [.. others.Select(other => string.Join('\n', ArchitectureValues.OfForward(other)
                .Select(value => $"{value.Name}={value.Value}")))];
        Assert.Equal(told.Length, told.Distinct().Count());
        // what says nothing of a forward pass stays out
        DecoderConfig trained = config with { ZLossWeight = 1, FrozenEmbeddingRow = 3, InitializerRange = 9, PadTokenId = 4 };
        Assert.Equal(ArchitectureValues.OfForward(config), ArchitectureValues.OfForward(trained));
        Assert.Equal(2, ArchitectureValues.OfTraining(trained).Except(ArchitectureValues.OfTraining(config)).Count());
    }
}
