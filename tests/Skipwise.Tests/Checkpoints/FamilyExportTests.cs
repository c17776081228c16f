using System.Text.Json.Nodes;
using Skipwise.Checkpoints;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints;

/// <summary>An extended model of any family is read back as itself.</summary>
public class FamilyExportTests
{
    private static readonly string[] s_plain = ["llama-none", "mistral-sliding16", "qwen2", "baichuan2-none", "gptj-none", "gpt_neox-pct25-parallel"];

    public static MatrixTheoryData<string, RopeType> Cases => new(s_plain, [RopeType.Linear, RopeType.Ntk, RopeType.DynamicNtk, RopeType.Yarn, RopeType.YarnRevised, RopeType.Llama3]);

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_saved_configuration_computes_the_same_rotation(string fixture, RopeType type)
    {
        HfConfig config = HfConfig.Read(Fixture.Path(fixture, "config.json"));
        DecoderConfig extended = ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = type });
        HfConfig read = HfConfig.Parse(config.TextFor(extended), "config.json");
        Assert.Empty(read.Warnings);
        Assert.Equal(2048, read.Model.MaxPositionEmbeddings);
        Assert.Equal(Shape(config.Model), Shape(read.Model));
        foreach (int length in (int[])[200, 1000, 2048])
        {
            RopeFrequencies expected = RopeFrequency.Compute(extended.Rope, extended.RotaryDim, length), found = RopeFrequency.Compute(read.Model.Rope, read.Model.RotaryDim, length);
            Assert.Equal(expected.AttentionFactor, found.AttentionFactor, 1e-14);
            Assert.All(expected.InvFreq.Zip(found.InvFreq), pair => Assert.Equal(pair.First, pair.Second, 1e-14 * pair.First));
        }
        bool isFixed = config.Family.ModelType is "gptj" or "baichuan";
        Assert.Equal(isFixed, config.ExportWarning(extended) is not null);
        Assert.Null(config.ExportWarning(config.Model));

        static DecoderConfig Shape(DecoderConfig model) => model with { Rope = new RopeOptions(), MaxPositionEmbeddings = 0 };
    }

    [Fact]
    public void A_family_keeps_its_own_keys()
    {
        HfConfig gptj = HfConfig.Read(Fixture.Path("gptj-none", "config.json"));
        var saved = (JsonObject)JsonNode.Parse(gptj.TextFor(ContextExtension.Extend(gptj.Model, 1024, new RopeOverrides { Type = RopeType.Linear })))!;
        Assert.Equal(1024, (int)saved["n_positions"]!);
        Assert.False(saved.ContainsKey("max_position_embeddings"));
        HfConfig neox = HfConfig.Read(Fixture.Path("gpt_neox-pct25-parallel", "config.json"));
        saved = (JsonObject)JsonNode.Parse(neox.TextFor(ContextExtension.Extend(neox.Model, 1024, new RopeOverrides { Type = RopeType.Ntk })))!;
        // 4 rotary dimensions: 10000 * 4^(4/2)
        Assert.Equal((160000.0, 160000.0, 0.25), ((double)saved["rotary_emb_base"]!, (double)saved["rope_theta"]!, (double)saved["rope_parameters"]!["partial_rotary_factor"]!));
    }
}
