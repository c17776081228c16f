using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Models;

public class RopeOverridesTests
{
    private static DecoderConfig Model(string fixture) => HfConfig.Read(Fixture.Path(fixture, "config.json")).Model;

    [Fact]
    public void Nothing_said_changes_nothing()
    {
        DecoderConfig model = Model("llama-yarn16");
        Assert.Same(model, new RopeOverrides().Apply(model));
    }

    [Fact]
    public void Revised_yarn_takes_factor_and_length_from_the_file()
    {
        DecoderConfig model = new RopeOverrides { Type = RopeType.YarnRevised }.Apply(Model("llama-yarn16"));
        Assert.Equal((RopeType.YarnRevised, 16.0, 32, 512),
            (model.Rope.Type, model.Rope.Factor, model.Rope.OriginalMaxPositionEmbeddings, model.MaxPositionEmbeddings));
    }

    [Fact]
    public void A_plain_model_gets_a_scaling_and_its_window()
    {
        DecoderConfig model = new RopeOverrides { Type = RopeType.Linear, Factor = 4 }.Apply(Model("llama-none"));
        Assert.Equal((RopeType.Linear, 4.0, 256, 1024),
            (model.Rope.Type, model.Rope.Factor, model.Rope.OriginalMaxPositionEmbeddings, model.MaxPositionEmbeddings));
    }

    [Fact]
    public void The_scaling_of_the_file_can_be_taken_away()
    {
        DecoderConfig model = new RopeOverrides { Type = RopeType.Default, Theta = 20000 }.Apply(Model("llama-linear8"));
        Assert.Equal((RopeType.Default, 1.0, 20000.0, 32),
            (model.Rope.Type, model.Rope.Factor, model.Rope.Theta, model.MaxPositionEmbeddings));
    }

    /// <summary>
    /// Scalings are never stacked: the extension of a scaled model is that of its base model, whose theta is not the usual one. All else
    /// that the model is stays.
    /// </summary>
    [Theory, MemberData(nameof(Scalings))]
    public void An_extension_replaces_the_scaling_of_the_file_and_nothing_else(RopeType type)
    {
        DecoderConfig plain = Model("llama-none") with { Rope = new RopeOptions { Theta = 500_000 } };
        DecoderConfig scaled = new RopeOverrides { Type = RopeType.Linear, Factor = 2 }.Apply(plain);
        var overrides = new RopeOverrides { Type = type, OriginalLength = plain.MaxPositionEmbeddings };
        DecoderConfig expected = ContextExtension.Extend(plain, 4096, overrides), found = ContextExtension.Extend(scaled, 4096, overrides);
        static DecoderConfig Bare(DecoderConfig m) => m with { Rope = m.Rope with { ShortFactor = null, LongFactor = null } };
        Assert.Equal(Bare(expected), Bare(found));
        Assert.Equal(expected.Rope.LongFactor ?? [], found.Rope.LongFactor ?? []);
        Assert.Equal(expected.Rope.ShortFactor ?? [], found.Rope.ShortFactor ?? []);
        Assert.Equal(plain with { Rope = found.Rope, MaxPositionEmbeddings = 4096 }, found);
        Assert.Equal(500_000, found.Rope.Theta);
    }

    public static TheoryData<RopeType> Scalings => [.. Enum.GetValues<RopeType>()];

    [Fact]
    public void A_factor_alone_keeps_the_type_of_the_file()
    {
        DecoderConfig model = new RopeOverrides { Factor = 4, OriginalLength = 64 }.Apply(Model("llama-yarn16"));
        Assert.Equal((RopeType.Yarn, 4.0, 64, 256),
            (model.Rope.Type, model.Rope.Factor, model.Rope.OriginalMaxPositionEmbeddings, model.MaxPositionEmbeddings));
    }

    /// <summary>The file's scale of cos and sin is that of the file's factor: another factor has its own.</summary>
    [Fact]
    public void A_scale_of_the_file_goes_with_its_factor()
    {
        DecoderConfig model = Model("llama-yarn16");
        model = model with { Rope = model.Rope with { AttentionFactor = 2 } };
        Assert.Null(new RopeOverrides { Factor = 4 }.Apply(model).Rope.AttentionFactor);
        Assert.Equal(2, new RopeOverrides { Theta = 50000 }.Apply(model).Rope.AttentionFactor);
    }

    [Fact]
    public void Half_a_request_is_an_error_that_names_the_option()
    {
        Assert.Contains("RopeOverrides.Factor 8",
            Assert.Throws<SkipwiseException>(() => new RopeOverrides { Factor = 8 }.Apply(Model("llama-none"))).Message);
        Assert.Contains("RopeOverrides.Type yarn-revised needs RopeOverrides.Factor",
            Assert.Throws<SkipwiseException>(() => new RopeOverrides { Type = RopeType.YarnRevised }.Apply(Model("llama-none"))).Message);
        Assert.Contains("RopeOptions.Factor",
            Assert.Throws<SkipwiseException>(() =>
                new RopeOverrides { Type = RopeType.Yarn, Factor = 0.5 }.Apply(Model("llama-none"))).Message);
        Assert.Contains("RopeOptions.Theta",
            Assert.Throws<SkipwiseException>(() => new RopeOverrides { Theta = 0 }.Apply(Model("llama-none"))).Message);
    }
}
