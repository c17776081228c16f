using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

public class HfConfigTests
{
    private const string Minimal = """
        "model_type": "llama", "vocab_size": 96, "hidden_size": 64, "intermediate_size": 80, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256
        """;

    private static HfConfig Parse(string more = "") => HfConfig.Parse($"{{{Minimal}{(more == "" ? "" : ", " + more)}}}", "dir/config.json");

    [Fact]
    public void Keys_that_are_not_given_have_the_defaults_of_the_format()
    {
        DecoderConfig model = Parse().Model;
        Assert.Equal((4, 16, 1e-6, false, false, false),
            (model.NumKeyValueHeads, model.HeadDim, model.NormEps, model.TieWordEmbeddings, model.AttentionBias, model.MlpBias));
        Assert.Equal(new RopeOptions { OriginalMaxPositionEmbeddings = 256 }, model.Rope);
        Assert.Equal((null, null, null), (model.BosTokenId, model.EosTokenId, model.PadTokenId));
    }

    /// <summary>Qwen 3's heads have a width of their own, as transformers' Qwen3Config says.</summary>
    [Fact]
    public void A_Qwen_3_without_a_head_dimension_has_128() =>
        Assert.Equal(128,
            HfConfig.Parse($"{{{Minimal.Replace("llama", "qwen3", StringComparison.Ordinal)}}}", "dir/config.json").Model.HeadDim);

    /// <summary>A longer window with the same rotation is a change too, and is written.</summary>
    [Fact]
    public void A_window_that_grew_alone_is_saved()
    {
        HfConfig config = Parse();
        Assert.True(config.IsUnchanged(config.Model));
        DecoderConfig longer = config.Model with { MaxPositionEmbeddings = 512 };
        Assert.False(config.IsUnchanged(longer));
        Assert.Equal(512, (int)JsonNode.Parse(config.TextFor(longer))!["max_position_embeddings"]!);
    }

    [Fact]
    public void A_list_of_end_tokens_gives_its_first_and_minus_one_means_none()
    {
        DecoderConfig model = Parse("\"bos_token_id\": 128000, \"eos_token_id\": [128001, 128008], \"pad_token_id\": -1").Model;
        Assert.Equal((128000, 128001, null), (model.BosTokenId, model.EosTokenId, model.PadTokenId));
        model = Parse("\"bos_token_id\": [], \"eos_token_id\": [5]").Model;
        Assert.Equal((null, 5), (model.BosTokenId, model.EosTokenId));
    }

    /// <summary>Qwen 2.5 of 28 layers has max_window_layers 28: no layer slides.</summary>
    [Theory]
    [InlineData(1, 32), InlineData(2, null), InlineData(3, null)]
    public void A_window_needs_a_layer_that_slides(int first, int? window)
    {
        string layers = $"\"use_sliding_window\": true, \"sliding_window\": 32, \"max_window_layers\": {first}";
        string text = $"{{{Minimal.Replace("llama", "qwen2", StringComparison.Ordinal)}, {layers}}}";
        Assert.Equal(window, HfConfig.Parse(text, "dir/config.json").Model.SlidingWindow);
    }

    /// <summary>GPT-NeoX's models begin and end with token 0.</summary>
    [Fact]
    public void Token_0_is_a_token()
    {
        DecoderConfig model = Parse("\"bos_token_id\": 0, \"eos_token_id\": [0, 5], \"pad_token_id\": 0").Model;
        Assert.Equal((0, 0, 0), (model.BosTokenId, model.EosTokenId, model.PadTokenId));
    }

    [Theory]
    [InlineData("hidden_size", "1000000000"), InlineData("head_dim", "1000000000"), InlineData("num_attention_heads", "1000000000"),
        InlineData("num_hidden_layers", "1000000")]
    [InlineData("intermediate_size", "2147483647"), InlineData("vocab_size", "2147483647"),
        InlineData("max_position_embeddings", "2147483647"), InlineData("num_key_value_heads", "2147483647")]
    [InlineData("rms_norm_eps", "-0.5"), InlineData("rms_norm_eps", "1e999"), InlineData("initializer_range", "-0.1"),
        InlineData("rope_theta", "1e999"), InlineData("vocab_size", "0")]
    public void A_size_that_no_model_has_is_refused_by_its_key(string key, string value)
    {
        JsonObject config = JsonNode.Parse($"{{{Minimal}}}")!.AsObject();
        config[key] = JsonNode.Parse(value);
        string message = Assert.Throws<SkipwiseException>(() => HfConfig.Parse(config.ToJsonString(), "dir/config.json")).Message;
        Assert.StartsWith($"dir/config.json: key {key}: ", message, StringComparison.Ordinal);
        Assert.Contains(value, message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_folder_without_a_configuration_is_told_what_a_model_is()
    {
        using var temp = new TempFolder();
        string message = Assert.Throws<SkipwiseException>(() => HfConfig.Read(temp["config.json"])).Message;
        Assert.StartsWith($"{temp["config.json"]}: cannot be read: ", message, StringComparison.Ordinal);
        Assert.EndsWith(". A model is a folder with config.json and its weights, or a GGUF file", message, StringComparison.Ordinal);
    }

    [Theory]
    // folder, type, factor, original length, window
    [InlineData("llama-none", RopeType.Default, 1, 256, 256, 10000)]
    [InlineData("llama-linear8", RopeType.Linear, 8, 32, 256, 10000)]
    [InlineData("llama-ntk8", RopeType.Ntk, 8, 32, 256, 10000)]
    [InlineData("llama-yarn16", RopeType.Yarn, 16, 32, 512, 10000)]
    [InlineData("llama-hf-yarn16", RopeType.Yarn, 16, 32, 512, 10000)] // max_position_embeddings is the original length there
    [InlineData("llama-dynamic2-over", RopeType.DynamicNtk, 2, 28, 56, 10000)]
    [InlineData("llama3-rope", RopeType.Llama3, 8, 32, 256, 500000)]
    [InlineData("llama-attention-bias-theta", RopeType.Default, 1, 256, 256, 100000)]
    public void The_ropes_of_real_configurations_are_read(string folder, RopeType type, double factor, int original, int window,
        double theta)
    {
        DecoderConfig model = HfConfig.Read(Fixture.Path(folder, "config.json")).Model;
        Assert.Equal((type, factor, original, window, theta),
            (model.Rope.Type, model.Rope.Factor, model.Rope.OriginalMaxPositionEmbeddings, model.MaxPositionEmbeddings, model.Rope.Theta));
    }

    [Fact]
    public void The_keys_of_transformers_5_are_read()
    {
        DecoderConfig model =
            Parse("\"rope_parameters\": {\"rope_type\": \"yarn\", \"rope_theta\": 500000.0, \"factor\": 4, " +
                "\"original_max_position_embeddings\": 64, \"beta_fast\": 16.0, \"attention_factor\": 1.5}").Model;
        Assert.Equal(
            new RopeOptions
            {
                Type = RopeType.Yarn,
                Theta = 500000,
                Factor = 4,
                OriginalMaxPositionEmbeddings = 64,
                BetaFast = 16,
                AttentionFactor = 1.5
            }, model.Rope);
        Assert.Equal(1e6, Parse("\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 1e6}").Model.Rope.Theta);
    }

    [Fact]
    public void The_original_window_of_longrope_at_the_top_level_overrides()
    {
        string lists =
            $"\"short_factor\": [{string.Join(",", Enumerable.Repeat("1.0", 8))}], \"long_factor\": " +
            $"[{string.Join(",", Enumerable.Range(1, 8))}]";
        DecoderConfig model =
            Parse($"\"original_max_position_embeddings\": 32, \"rope_scaling\": {{\"type\": \"longrope\", " +
                $"\"original_max_position_embeddings\": 64, {lists}}}").Model;
        Assert.Equal((RopeType.LongRope, 32, 8.0), (model.Rope.Type, model.Rope.OriginalMaxPositionEmbeddings, model.Rope.Factor));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], model.Rope.LongFactor!);
    }

    [Fact]
    public void A_scale_of_two_terms_is_their_quotient()
    {
        RopeOptions rope =
            Parse("\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 40.0, \"original_max_position_embeddings\": 32, \"mscale\": " +
                "0.707, \"mscale_all_dim\": 1.0}").Model.Rope;
        Assert.Equal(1.260805 / 1.368888, rope.AttentionFactor!.Value, 1e-6); // 0.0707 ln 40 + 1 over 0.1 ln 40 + 1
    }

    [Theory]
    [InlineData("\"hidden_size\": \"64\"", "key hidden_size: expected a whole number, found \"64\"")]
    [InlineData("\"hidden_size\": 0", "key hidden_size: expected a whole number > 0, found 0")]
    [InlineData("\"vocab_size\": null", "key vocab_size: missing")]
    [InlineData("\"num_attention_heads\": 3", "key num_attention_heads: 3 does not divide hidden_size 64")]
    [InlineData("\"num_key_value_heads\": 3", "key num_key_value_heads: 3 does not divide num_attention_heads 4")]
    [InlineData("\"head_dim\": 15", "key head_dim: 15 is odd")]
    [InlineData("\"hidden_act\": \"mish\"", "key hidden_act: found mish; supported: silu")]
    [InlineData("\"tie_word_embeddings\": 1", "key tie_word_embeddings: expected true or false, found 1")]
    [InlineData("\"eos_token_id\": \"2\"", "key eos_token_id: expected a token id")]
    [InlineData("\"quantization_config\": {\"bits\": 4}", "key quantization_config: quantised weights are not supported")]
    [InlineData("\"model_type\": \"mamba\"", "key model_type: \"mamba\" is not supported; supported: llama")]
    [InlineData("\"model_type\": null", "key model_type: missing; supported: llama")]
    [InlineData("\"rope_theta\": -1", "key rope_theta: expected a number > 1, found -1")]
    [InlineData("\"rope_scaling\": 8", "key rope_scaling: expected an object")]
    [InlineData("\"rope_scaling\": {\"type\": \"magic\", \"factor\": 8.0}",
        "key rope_scaling.type: unknown rope type \"magic\"; known: default")]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\"}", "key rope_scaling.factor: missing")]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 0.5}", "key rope_scaling.factor: expected a number >= 1, found 0.5")]
    [InlineData("\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2.0, \"alpha\": 1000.0}", "key rope_scaling.alpha: unknown")]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\", \"rope_type\": \"yarn\", \"factor\": 2.0}",
        "key rope_scaling.type: found \"linear\", but rope_type is \"yarn\"")]
    [InlineData("\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 2.0, \"truncate\": false}", "key rope_scaling.truncate")]
    [InlineData("\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1.0], \"long_factor\": [1.0]}",
        "key rope_scaling.short_factor: expected 8 numbers > 0")]
    [InlineData("\"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8.0, \"low_freq_factor\": 4.0, \"high_freq_factor\": 1.0}",
        "high > low")]
    [InlineData("\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}, \"rope_parameters\": {\"rope_type\": \"linear\", \"factor\": " +
        "4.0}", "key rope_parameters: says something else than rope_scaling")]
    [InlineData("\"rope_theta\": 10000.0, \"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 20000.0}",
        "key rope_parameters.rope_theta: found 20000, but rope_theta is 10000")]
    public void A_wrong_value_is_an_error_that_names_file_and_key(string change, string expected)
    {
        var json = (JsonObject)JsonNode.Parse($"{{{Minimal}}}")!;
        foreach ((string key, JsonNode? value) in (JsonObject)JsonNode.Parse($"{{{change}}}")!)
        {
            json[key] = value?.DeepClone();
        }
        string message = Assert.Throws<SkipwiseException>(() => HfConfig.Parse(json.ToJsonString(), "dir/config.json")).Message;
        Assert.StartsWith("dir/config.json: ", message);
        Assert.Contains(expected, message);
    }

    [Theory]
    [InlineData("{"), InlineData("[]"), InlineData(""), InlineData("{\"a\": 1, \"a\": 2}"), InlineData("null")]
    public void Broken_json_is_an_error_that_names_the_file(string text) =>
        Assert.StartsWith("dir/config.json: ", Assert.Throws<SkipwiseException>(() => HfConfig.Parse(text, "dir/config.json")).Message);

    [Fact]
    public void An_unchanged_model_keeps_its_text_and_a_changed_one_every_other_key()
    {
        HfConfig config = HfConfig.Read(Fixture.Path("llama-linear8", "config.json"));
        Assert.Equal(File.ReadAllText(Fixture.Path("llama-linear8", "config.json")), config.TextFor(config.Model));

        string text = config.TextFor(config.Model with { MaxPositionEmbeddings = 512, Rope = config.Model.Rope with { Factor = 16 } });
        Assert.Contains("\"factor\": 16.0", text);
        Assert.Contains("1e-06", text); // a number that was not touched keeps its spelling
        var changed = (JsonObject)JsonNode.Parse(text)!;
        string[] added = ["rope_parameters", "rope_theta", "original_max_position_embeddings"];
        IEnumerable<string> keys = config.Raw.Select(pair => pair.Key).Concat(added);
        Assert.Equal(keys.Order(), changed.Select(pair => pair.Key).Order());
        foreach ((string key, JsonNode? value) in config.Raw.Where(pair => pair.Key is not ("rope_scaling" or "max_position_embeddings")))
        {
            Assert.True(JsonNode.DeepEquals(value, changed[key]), key);
        }
    }

    [Fact]
    public void A_fresh_model_is_read_back_as_itself()
    {
        DecoderConfig model = HfConfig.Read(Fixture.Path("llama3-rope", "config.json")).Model;
        Assert.Equal(model, HfConfig.Create(model).Model);
    }
}
