using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

public class RopeExportTests
{
    private const int HeadDim = 128;

    private static readonly DecoderConfig s_base = new()
    {
        VocabSize = 96,
        HiddenSize = 256,
        IntermediateSize = 80,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 2,
        HeadDim = HeadDim,
        MaxPositionEmbeddings = 2048,
        Rope = new RopeOptions { OriginalMaxPositionEmbeddings = 2048 },
    };

    private static DecoderConfig Extended(RopeType type, double factor = 8) => s_base with
    {
        MaxPositionEmbeddings = (int)(2048 * factor),
        Rope = s_base.Rope with
        {
            Type = type,
            Factor = factor,
            ShortFactor = type == RopeType.LongRope ? [.. Enumerable.Range(0, HeadDim / 2).Select(i => 1 + (i / 100.0))] : null,
            LongFactor = type == RopeType.LongRope ? [.. Enumerable.Range(0, HeadDim / 2).Select(i => 1 + (i / 7.0))] : null,
        },
    };

    private static JsonObject Export(DecoderConfig model) =>
        (JsonObject)JsonNode.Parse(HfConfig.Text(HfConfig.ForExtended(HfConfig.Create(s_base).Raw, model)))!;

    [Theory]
    [InlineData(RopeType.Default, 1), InlineData(RopeType.Linear, 8), InlineData(RopeType.Ntk, 8), InlineData(RopeType.DynamicNtk, 8),
        InlineData(RopeType.Yarn, 8)]
    [InlineData(RopeType.YarnRevised, 8), InlineData(RopeType.YarnRevised, 64), InlineData(RopeType.Llama3, 8),
        InlineData(RopeType.LongRope, 8), InlineData(RopeType.Yarn, 5.33)]
    public void What_is_exported_reads_back_as_the_same_frequencies_and_window(RopeType type, double factor)
    {
        DecoderConfig model = Extended(type, factor);
        DecoderConfig read = HfConfig.Parse(Export(model).ToJsonString(), "config.json").Model;
        Assert.InRange(read.MaxPositionEmbeddings, model.MaxPositionEmbeddings, model.MaxPositionEmbeddings + 1);
        foreach (int length in (int[])[100, 2048, 5000, model.MaxPositionEmbeddings])
        {
            RopeFrequencies expected = RopeFrequency.Compute(model.Rope, HeadDim, length),
                found = RopeFrequency.Compute(read.Rope, HeadDim, length);
            Assert.Equal(expected.AttentionFactor, found.AttentionFactor, 1e-15);
            foreach ((double e, double f) in expected.InvFreq.Zip(found.InvFreq))
            {
                Assert.Equal(e, f, 1e-14 * e);
            }
        }
    }

    [Fact]
    public void Ntk_is_exported_as_a_plain_theta()
    {
        JsonObject config = Export(Extended(RopeType.Ntk));
        Assert.Equal(82684.62264056221, config["rope_theta"]!.GetValue<double>(), 1e-9);
        Assert.False(config.ContainsKey("rope_scaling"));
        Assert.Equal(16384, config["max_position_embeddings"]!.GetValue<int>());
        Assert.Equal("default", config["rope_parameters"]!["rope_type"]!.GetValue<string>());
    }

    [Fact]
    public void Linear_is_exported_with_three_keys_and_a_decimal_point() =>
        Assert.Equal("""{"type":"linear","rope_type":"linear","factor":8.0}""",
            Export(Extended(RopeType.Linear))["rope_scaling"]!.ToJsonString());

    [Fact]
    public void Dynamic_keeps_the_original_window_because_every_reader_takes_it_for_that() =>
        Assert.Equal(2048, Export(Extended(RopeType.DynamicNtk))["max_position_embeddings"]!.GetValue<int>());

    [Fact]
    public void Yarn_is_exported_with_its_scale_and_betas() =>
        Assert.Equal(
            """{"type":"yarn","rope_type":"yarn","factor":8.0,"original_max_position_embeddings":2048,"attention_factor":1.2079441541679836,"beta_fast":32.0,"beta_slow":1.0}""",
            Export(Extended(RopeType.Yarn))["rope_scaling"]!.ToJsonString());

    [Fact]
    public void Revised_yarn_is_exported_as_longrope_with_one_divisor_per_pair()
    {
        JsonNode scaling = Export(Extended(RopeType.YarnRevised))["rope_scaling"]!;
        Assert.Equal("longrope", scaling["rope_type"]!.GetValue<string>());
        // plain over revised frequency, factor 8, from the published table: pairs 10, 28 and 63
        double[] divisors = [.. scaling["short_factor"]!.AsArray().Select(x => x!.GetValue<double>())];
        Assert.Equal(0.237137371 / 0.237137371, divisors[10], 1e-8);
        Assert.Equal(0.0177827941 / 0.0040786225, divisors[28], 1e-7);
        Assert.Equal(0.000115478198 / 1.44347748e-05, divisors[63], 1e-7);
        Assert.True(JsonNode.DeepEquals(scaling["short_factor"], scaling["long_factor"]));
        foreach (string key in (string[])["attention_factor", "short_mscale", "long_mscale"])
        {
            Assert.Equal(1.2079441541679836, scaling[key]!.GetValue<double>(), 1e-15);
        }
    }

    [Theory]
    [InlineData(RopeType.Linear), InlineData(RopeType.Ntk), InlineData(RopeType.Yarn), InlineData(RopeType.YarnRevised),
        InlineData(RopeType.Llama3), InlineData(RopeType.LongRope)]
    public void Both_generations_of_keys_say_the_same_and_every_real_number_has_a_point(RopeType type)
    {
        JsonObject config = Export(Extended(type));
        var newer = (JsonObject)config["rope_parameters"]!.DeepClone();
        Assert.True(JsonNode.DeepEquals(newer["rope_theta"], config["rope_theta"]));
        newer.Remove("rope_theta");
        if (config["rope_scaling"] is JsonObject older)
        {
            Assert.True(JsonNode.DeepEquals(older, newer));
            foreach ((string key,
                JsonNode? value) in older.Where(pair => pair.Key.Contains("factor") || pair.Key.Contains("mscale")
                    || pair.Key.Contains("beta")))
            {
                Assert.All(value is JsonArray list ? list.ToArray() : [value],
                    number => Assert.Matches(@"^[0-9]+\.[0-9]+(E-?[0-9]+)?$", number!.ToJsonString()));
            }
        }
    }

    [Fact]
    public void A_scaled_configuration_that_becomes_ntk_loses_its_old_scaling()
    {
        HfConfig phi = HfConfig.Parse(HfConfig.Text(Export(Extended(RopeType.Linear))), "config.json");
        phi.Raw["original_max_position_embeddings"] = 77;
        JsonObject config = HfConfig.ForExtended(phi.Raw, Extended(RopeType.Ntk));
        Assert.True(config.ContainsKey("rope_scaling") && config["rope_scaling"] is null);
        Assert.False(config.ContainsKey("original_max_position_embeddings"));
    }

    /// <summary>Release 4 of transformers refuses any other number of keys, and derives the attention factor from the two
    /// windows.</summary>
    [Theory]
    [InlineData(32768, 16, null, true), InlineData(32768, 8, null, false), InlineData(32768, 16, 1.3, false),
        InlineData(32768, 8, 1.1677484162422844, true)]
    public void Longrope_of_Phi3_has_three_keys_where_they_say_all(int window, double factor, double? attentionFactor, bool hasThree)
    {
        var raw = (JsonObject)JsonNode.Parse("""
            {"model_type": "phi3", "vocab_size": 96, "hidden_size": 256, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2,
             "max_position_embeddings": 2048, "original_max_position_embeddings": 2048, "rope_theta": 10000.0, "rope_scaling": null, "bos_token_id": 1, "eos_token_id": 2}
            """)!;
        DecoderConfig model = Extended(RopeType.LongRope) with { MaxPositionEmbeddings = window };
        model = model with
        {
            Rope =
            model.Rope with { Factor = factor, AttentionFactor = attentionFactor, OriginalMaxPositionEmbeddings = 2048 }
        };
        JsonObject config = HfConfig.ForExtended(raw, model);
        string[] keys = [.. config["rope_scaling"]!.AsObject().Select(pair => pair.Key)];
        Assert.Equal(hasThree, keys.SequenceEqual(["type", "short_factor", "long_factor"]));
        Assert.Equal(2048, (int?)config["original_max_position_embeddings"]); // without it, transformers takes 4096
        Assert.Equal("longrope", (string?)config["rope_parameters"]!["rope_type"]);

        HfConfig first = HfConfig.Parse(HfConfig.Text(config), "config.json");
        DecoderConfig again =
            HfConfig.Parse(HfConfig.Text(HfConfig.ForExtended(first.Raw, first.Model with { FrozenEmbeddingRow = 1 })),
                "config.json").Model;
        foreach (DecoderConfig read in (DecoderConfig[])[first.Model, again])
        {
            Assert.Equal(window, read.MaxPositionEmbeddings);
            foreach (int length in (int[])[100, 2048, 5000])
            {
                RopeFrequencies expected = RopeFrequency.Compute(model.Rope, HeadDim, length),
                    found = RopeFrequency.Compute(read.Rope, HeadDim, length);
                Assert.Equal(expected.AttentionFactor, found.AttentionFactor, 1e-12);
                Assert.Equal(expected.InvFreq, found.InvFreq);
            }
        }
    }
}
