using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>An extended model of any family is read back as itself.</summary>
public class FamilyExportTests
{
    public static MatrixTheoryData<string, RopeType> Cases =>
        new(TinyConfig.Families, [.. Enum.GetValues<RopeType>().Where(type => type != RopeType.Default)]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_saved_configuration_computes_the_same_rotation(string family, RopeType type)
    {
        HfConfig config = TinyConfig.Of(family);
        DecoderConfig extended = ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = type });
        if (type == RopeType.DynamicNtk) // as a model may come; an extension pins it
        {
            double factor = 2048.0 / extended.Rope.OriginalMaxPositionEmbeddings;
            extended = extended with { Rope = extended.Rope with { Type = type, Factor = factor } };
        }
        HfConfig read = HfConfig.Parse(config.TextFor(extended), "config.json");
        Assert.Empty(read.Warnings);
        Assert.Equal(2048, read.Model.MaxPositionEmbeddings);
        Assert.Equal(Shape(config.Model), Shape(read.Model));
        foreach (int length in (int[])[200, 1000, 2048])
        {
            RopeFrequencies expected = RopeFrequency.Compute(extended.Rope, extended.RotaryDim, length),
                found = RopeFrequency.Compute(read.Model.Rope, read.Model.RotaryDim, length);
            Assert.Equal(expected.AttentionFactor, found.AttentionFactor, 1e-14);
            Assert.All(expected.InvFreq.Zip(found.InvFreq), pair => Assert.Equal(pair.First, pair.Second, 1e-14 * pair.First));
        }
        bool isRefused = family is "gptj" or "baichuan" || (family == "phi3" && type == RopeType.DynamicNtk);
        Assert.Equal(isRefused, config.ExportWarning(extended) is not null);
        Assert.Null(config.ExportWarning(config.Model));

        static DecoderConfig Shape(DecoderConfig model) => model with { Rope = new RopeOptions(), MaxPositionEmbeddings = 0 };
    }

    [Fact]
    public void A_family_keeps_its_own_keys()
    {
        HfConfig gptj = HfConfig.Read(Fixture.Path("gptj-none", "config.json"));
        var saved = (JsonObject)JsonNode.Parse(
            gptj.TextFor(ContextExtension.Extend(gptj.Model, 1024, new RopeOverrides { Type = RopeType.Linear })))!;
        Assert.Equal(1024, (int)saved["n_positions"]!);
        Assert.False(saved.ContainsKey("max_position_embeddings"));
        HfConfig neox = HfConfig.Read(Fixture.Path("gpt_neox-pct25-parallel", "config.json"));
        saved = (JsonObject)JsonNode.Parse(
            neox.TextFor(ContextExtension.Extend(neox.Model, 1024, new RopeOverrides { Type = RopeType.Ntk })))!;
        // 4 rotary dimensions: 10000 * 4^(4/2)
        Assert.Equal((160000.0, 160000.0, 0.25),
            ((double)saved["rotary_emb_base"]!, (double)saved["rope_theta"]!, (double)saved["rope_parameters"]!["partial_rotary_factor"]!));
    }

    /// <summary>
    /// transformers 5 saves the share inside of rope_parameters alone, where 4 does not look, nor 5 beside a rope_scaling.
    /// </summary>
    [Theory]
    [InlineData("gpt_neox", "rotary_pct", RopeType.Yarn)]
    [InlineData("gpt_neox", "rotary_pct", RopeType.Ntk)]
    [InlineData("phi3", "partial_rotary_factor", RopeType.LongRope)]
    public void The_share_is_written_where_every_version_looks(string family, string key, RopeType type)
    {
        HfConfig config = TinyConfig.Of(family, $$"""
            "{{key}}": "REMOVE", "rotary_emb_base": "REMOVE", "rope_theta": "REMOVE",
            "rope_parameters": {"rope_type": "default", "rope_theta": 20000.0, "partial_rotary_factor": 0.5}
            """);
        Assert.Equal((8, 20000.0), (config.Model.RotaryDim, config.Model.Rope.Theta));
        DecoderConfig extended = ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = type });
        var saved = (JsonObject)JsonNode.Parse(config.TextFor(extended))!;
        Assert.Equal((0.5, 0.5), ((double)saved[key]!, (double)saved["rope_parameters"]!["partial_rotary_factor"]!));
        Assert.All(config.Family.ThetaKeys, theta => Assert.True(saved.ContainsKey(theta)));
        Assert.Equal(8, HfConfig.Parse(saved.ToJsonString(), "config.json").Model.RotaryDim);
    }

    [Fact]
    public void A_whole_share_is_written_too_where_the_familys_default_is_another()
    {
        HfConfig config = TinyConfig.Of("gpt_neox",
            "'rotary_pct': 'REMOVE', 'rope_parameters': {'rope_type': 'default', 'partial_rotary_factor': 1.0}");
        string saved = config.TextFor(ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = RopeType.Linear }));
        Assert.Equal(1.0, (double)JsonNode.Parse(saved)!["rotary_pct"]!);
    }

    /// <summary>A share may be rounded in the file; the dimensions that it stands for are what counts, and its spelling stays.</summary>
    [Fact]
    public void A_rounded_share_is_kept()
    {
        HfConfig config = TinyConfig.Of("phi3", "'partial_rotary_factor': 0.51"); // 8.16 of 16 dimensions
        HfConfig saved = HfConfig.Parse(config.TextFor(ContextExtension.Extend(config.Model, 2048,
            new RopeOverrides { Type = RopeType.Ntk })), "config.json");
        Assert.Equal((8, 0.51, 0.51),
            (saved.Model.RotaryDim, (double)saved.Raw["partial_rotary_factor"]!,
            (double)saved.Raw["rope_parameters"]!["partial_rotary_factor"]!));
    }

    [Theory]
    [InlineData(RopeType.Linear, true)]
    [InlineData(RopeType.Yarn, true)]
    [InlineData(RopeType.YarnRevised, true)]
    [InlineData(RopeType.Llama3, true)]
    [InlineData(RopeType.LongRope, true)]
    [InlineData(RopeType.Ntk, false), InlineData(RopeType.DynamicNtk, false)]
    public void The_original_window_stands_outside_wherever_a_program_may_look(RopeType type, bool isWritten)
    {
        HfConfig config = TinyConfig.Of("llama",
            "'original_max_position_embeddings': 77"); // stale: an unscaled model's file may say anything there
        var saved = (JsonObject)JsonNode.Parse(config.TextFor(ContextExtension.Extend(config.Model, 2048,
            new RopeOverrides { Type = type })))!;
        Assert.Equal(isWritten ? 256 : null, (int?)saved["original_max_position_embeddings"]);
    }

    [Fact]
    public void Other_names_of_the_window_do_not_stay_behind()
    {
        HfConfig vicuna = TinyConfig.Of("llama", "'max_sequence_length': 1024, 'rope_scaling': {'type': 'linear', 'factor': 4.0}");
        Assert.Equal((1024, 256), (vicuna.Model.MaxPositionEmbeddings, vicuna.Model.Rope.OriginalMaxPositionEmbeddings));
        HfConfig saved = HfConfig.Parse(vicuna.TextFor(ContextExtension.Extend(vicuna.Model, 4096,
            new RopeOverrides { Type = RopeType.Linear })), "config.json");
        Assert.Equal((4096, 4096, 256),
            ((int)saved.Raw["max_sequence_length"]!, saved.Model.MaxPositionEmbeddings, saved.Model.Rope.OriginalMaxPositionEmbeddings));
        Assert.Empty(saved.Warnings);
    }

    /// <summary>The default of Phi-3: YaRN's divisors for every length, and the attention factor that all programs derive.</summary>
    [Fact]
    public void Phi3_is_extended_by_longrope_unless_told_otherwise()
    {
        HfConfig config = TinyConfig.Of("phi3");
        DecoderConfig extended = ContextExtension.Extend(config.Model, 2048, new RopeOverrides(), config.Family.RopePreference);
        RopeFrequencies yarn = RopeFrequency.Compute(ContextExtension.Extend(config.Model, 2048,
            new RopeOverrides { Type = RopeType.Yarn }).Rope, 16);
        foreach (int length in (int[])[10, 2048])
        {
            RopeFrequencies found = RopeFrequency.Compute(extended.Rope, 16, length);
            Assert.All(yarn.InvFreq.Zip(found.InvFreq), pair => Assert.Equal(pair.First, pair.Second, 1e-14 * pair.First));
            Assert.Equal(Math.Sqrt(1 + (3.0 / 8)), found.AttentionFactor, 1e-14); // ln 8 / ln 256
        }
        var saved = (JsonObject)JsonNode.Parse(config.TextFor(extended))!;
        Assert.Equal(["type", "short_factor", "long_factor"], saved["rope_scaling"]!.AsObject().Select(pair => pair.Key));
    }
}
