using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Training;

namespace Skipwise.Tests.Training;

public class RopeCheckTests
{
    private static string Describe(RopeOverrides rope, int target = 1024)
    {
        using var model = new CausalLM(ContextExtension.Extend(s_model, target, rope));
        return RopeCheck.Describe(10000, model, target - 1);
    }

    // 16 dimensions, window 256
    private static readonly DecoderConfig s_model = HfConfig.Read(Fixture.Path("llama-none", "config.json")).Model;

    [Fact]
    public void A_scaling_in_use_is_confirmed() =>
        Assert.Equal(
            "check: 8 of 8 frequencies differ from the base model's, at most 4-fold; positions to 1023 fit the 1024 tokens that they are " +
            "meant for",
            Describe(new RopeOverrides { Type = RopeType.Linear }));

    [Fact]
    public void Ntk_leaves_the_fastest_pair() =>
        Assert.StartsWith("check: 7 of 8 frequencies differ from the base model's, at most 4-fold",
            Describe(new RopeOverrides { Type = RopeType.Ntk }));

    [Fact]
    public void No_scaling_at_all_is_suspect() =>
        Assert.Equal("warning: all 8 frequencies are the base model's; positions to 1023 exceed the 256 tokens that they are meant for",
            Describe(new RopeOverrides { Type = RopeType.Default }));

    [Fact]
    public void A_factor_that_does_not_reach_the_target_is_suspect() =>
        Assert.EndsWith("positions to 1023 exceed the 512 tokens that they are meant for", Describe(new RopeOverrides { Factor = 2 }));

    [Fact]
    public void A_larger_plainis_a_change() =>
        Assert.StartsWith("check: 7 of 8", Describe(new RopeOverrides { Type = RopeType.Default, Theta = 500000 }));

    /// <summary>The check asks the model: one whose scaling was lost on the way is told so, whatever its window says.</summary>
    [Fact]
    public void A_scaling_that_does_not_reach_the_step_is_suspect()
    {
        double[] one = [.. Enumerable.Repeat(1.0, 8)], two = [.. Enumerable.Repeat(2.0, 8)];
        RopeOptions rope = TinyModel.Rope(RopeType.LongRope, original: 256) with { ShortFactor = two, LongFactor = one };
        using var model = new CausalLM(s_model with { MaxPositionEmbeddings = 1024, Rope = rope });
        Assert.StartsWith("warning: all 8 frequencies are the base model's", RopeCheck.Describe(10000, model, 1023),
            StringComparison.Ordinal);
        Assert.StartsWith("check: 8 of 8", RopeCheck.Describe(10000, model, 255), StringComparison.Ordinal);
    }

    /// <summary>
    /// A scaling that follows the length is trained, told and saved as what it is at the target, for texts of every length.
    /// </summary>
    [Theory]
    [InlineData(RopeType.DynamicNtk), InlineData(RopeType.LongRope)]
    public void A_scaling_that_depends_on_the_length_is_pinned_to_the_target(RopeType type)
    {
        RopeOptions rope = TinyModel.Rope(type, original: 256);
        double[] atTarget = RopeFrequency.Compute(rope, 8, 1024).InvFreq;
        Assert.True(RopeFrequency.DependsOnLength(rope));
        RopeOptions pinned = RopeFrequency.Pinned(rope, 1024);
        Assert.False(RopeFrequency.DependsOnLength(pinned));
        Assert.All((int[])[1, 256, 257, 1024, 4096], length => Assert.Equal(atTarget, RopeFrequency.Compute(pinned, 8, length).InvFreq));
        Assert.Equal(RopeFrequency.Compute(rope, 8, 100).InvFreq, RopeFrequency.Compute(RopeFrequency.Pinned(rope, 256), 8, 1024).InvFreq);
        Assert.Equal((true, true, false),
            (RopeFrequency.AreEqualAt(rope, 1, 256), RopeFrequency.AreEqualAt(pinned, 1, 1024), RopeFrequency.AreEqualAt(rope, 256, 257)));
        Assert.Equal(type == RopeType.LongRope, RopeFrequency.AreEqualAt(rope, 257, 1024));
    }

    [Fact]
    public void A_dynamic_extension_trains_one_function_and_saves_it()
    {
        DecoderConfig extended = ContextExtension.Extend(s_model, 1024, new RopeOverrides { Type = RopeType.DynamicNtk });
        Assert.Equal((RopeType.Ntk, 4 * 4 - 3.0), (extended.Rope.Type, extended.Rope.Factor));
        HfConfig plain = HfConfig.Read(Fixture.Path("llama-none", "config.json"));
        DecoderConfig saved = HfConfig.Parse(plain.TextFor(extended), "config.json").Model;
        double[] trained = RopeFrequency.Compute(
            s_model.Rope with { Type = RopeType.DynamicNtk, Factor = 4, OriginalMaxPositionEmbeddings = 256 }, 16, 1024).InvFreq;
        Assert.All((int[])[100, 1024], length => Assert.All(trained.Zip(RopeFrequency.Compute(saved.Rope, 16, length).InvFreq), pair =>
            Assert.Equal(pair.First, pair.Second, 1e-12 * pair.First)));
        Assert.StartsWith("check: 7 of 8", Describe(new RopeOverrides { Type = RopeType.DynamicNtk }), StringComparison.Ordinal);
    }
}
