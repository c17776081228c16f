using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;

namespace Skipwise.Tests.Recipes;

public class RopeCheckTests
{
    private static readonly DecoderConfig s_model = HfConfig.Read(Fixture.Path("llama-none", "config.json")).Model; // 16 dimensions, window 256

    [Fact]
    public void A_scaling_in_use_is_confirmed() =>
        Assert.Equal("check: 8 of 8 frequencies differ from the base model's, at most 4-fold; positions to 1023 fit the 1024 tokens that they are meant for",
            RopeCheck.Describe(10000, ContextExtension.Extend(s_model, 1024, new RopeOverrides { Type = RopeType.Linear }), 1023));

    [Fact]
    public void Ntk_leaves_the_fastest_pair() =>
        Assert.StartsWith("check: 7 of 8 frequencies differ from the base model's, at most 4-fold", RopeCheck.Describe(10000, ContextExtension.Extend(s_model, 1024, new RopeOverrides { Type = RopeType.Ntk }), 1023));

    [Fact]
    public void No_scaling_at_all_is_suspect() =>
        Assert.Equal("warning: all 8 frequencies are the base model's; positions to 1023 exceed the 256 tokens that they are meant for",
            RopeCheck.Describe(10000, ContextExtension.Extend(s_model, 1024, new RopeOverrides { Type = RopeType.Default }), 1023));

    [Fact]
    public void A_factor_that_does_not_reach_the_target_is_suspect() =>
        Assert.EndsWith("positions to 1023 exceed the 512 tokens that they are meant for", RopeCheck.Describe(10000, ContextExtension.Extend(s_model, 1024, new RopeOverrides { Factor = 2 }), 1023));

    [Fact]
    public void A_larger_base_is_a_change() =>
        Assert.StartsWith("check: 7 of 8", RopeCheck.Describe(10000, ContextExtension.Extend(s_model, 1024, new RopeOverrides { Type = RopeType.Default, Theta = 500000 }), 1023));
}
