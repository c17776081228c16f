using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>Keys of config.json that are not read: an error if they may matter, a warning otherwise; and what each family reads of its
/// own.</summary>
public class ConfigKeysTests
{
    private static HfConfig Changed(string fixture, string changes)
    {
        var json = (JsonObject)JsonNode.Parse(File.ReadAllText(Fixture.Path(fixture, "config.json")))!;
        foreach ((string key, JsonNode? value) in (JsonObject)JsonNode.Parse($"{{{changes}}}")!)
        {
            if (value?.ToString() == "REMOVE")
            {
                json.Remove(key);
                continue;
            }
            json[key] = value?.DeepClone();
        }
        return HfConfig.Parse(json.ToJsonString(), "dir/config.json");
    }

    public static TheoryData<string> All => [.. ParityCase.All];

    [Theory]
    [MemberData(nameof(All))]
    public void The_configurations_of_the_references_have_no_unknown_key(string name) =>
        Assert.DoesNotContain(HfConfig.Read(Fixture.Path(name, "config.json")).Warnings, warning => warning.Contains("unknown"));

    [Theory]
    [InlineData("llama-none", "\"favourite_colour\": \"red\"", "favourite_colour")]
    [InlineData("qwen2", "\"trained_by\": [1, 2]", "trained_by")]
    [InlineData("gptj-none", "\"alibi\": false", "alibi")] // switched off
    [InlineData("mistral", "\"attn_logit_softcapping\": null", "attn_logit_softcapping")]
    [InlineData("llama-none", "\"residual_multiplier\": 1.0", "residual_multiplier")]
    [InlineData("llama-none", "\"attention_dropout\": 0.1", "attention_dropout")]
    public void A_harmless_key_is_named_in_a_warning(string fixture, string change, string key) =>
        Assert.StartsWith($"dir/config.json: key {key}: ", Assert.Single(Changed(fixture, change).Warnings));

    [Theory]
    [InlineData("llama-none", "\"alibi\": true", "key alibi: found true")]
    [InlineData("llama-none", "\"use_alibi\": true", "key use_alibi: found true")]
    [InlineData("mistral", "\"final_logit_softcapping\": 30.0", "key final_logit_softcapping: found 30")]
    [InlineData("qwen2", "\"num_experts\": 8", "key num_experts: found 8")]
    [InlineData("qwen2", "\"attention_bias\": true", "key attention_bias: found true")]
    [InlineData("llama-none", "\"residual_multiplier\": 0.22", "key residual_multiplier: found 0.22")]
    [InlineData("llama-none", "\"sliding_window\": 8", "key sliding_window: found 8")]
    [InlineData("llama-none", "\"qk_layernorm\": true", "key qk_layernorm: found true")]
    [InlineData("baichuan2-none", "\"quantization_config\": {\"bits\": 4}", "key quantization_config: quantised weights are not supported")]
    [InlineData("gptj-none", "\"rotary\": false", "key rotary: found false; only true")]
    [InlineData("gptj-none", "\"scale_attn_weights\": false", "key scale_attn_weights: found false; only true")]
    [InlineData("gptj-none", "\"activation_function\": \"relu\"", "key activation_function: found relu; supported: silu")]
    [InlineData("gptj-none", "\"n_embd\": \"64\"", "key n_embd: expected a whole number, found \"64\"")]
    [InlineData("gptj-none", "\"n_positions\": null", "key n_positions: missing")]
    [InlineData("gptj-none", "\"rotary_dim\": 7", "key rotary_dim: 7 of a head's 16 dimensions")]
    [InlineData("gptj-none", "\"rotary_dim\": 18", "key rotary_dim: 18 of a head's 16 dimensions")]
    [InlineData("gpt_neox-pct25-parallel", "\"rotary_pct\": 0.1", "key rotary_pct: 1 of a head's 16 dimensions")]
    [InlineData("gpt_neox-pct25-parallel", "\"rotary_pct\": 1.5", "key rotary_pct: expected a fraction above 0, up to 1, found 1.5")]
    [InlineData("gpt_neox-pct25-parallel", "\"rotary_emb_base\": 500", "key rope_theta: found 10000, but rotary_emb_base is 500")]
    [InlineData("gpt_neox-pct25-parallel", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0, \"partial_rotary_factor\": 0.5}",
        "key rope_scaling.partial_rotary_factor: found 0.5, but rotary_pct is 0.25")]
    [InlineData("gpt_neox-pct25-parallel", "\"partial_rotary_factor\": 0.5",
        "key partial_rotary_factor: found 0.5, but rotary_pct is 0.25")]
    [InlineData("gpt_neox-pct25-parallel", "\"rope_parameters\": {\"rope_type\": \"default\", \"partial_rotary_factor\": 0.5}",
        "key rope_parameters.partial_rotary_factor: found 0.5, but rotary_pct is 0.25")]
    [InlineData("gptj-none", "\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0, \"partial_rotary_factor\": 0.25}",
        "key rope_scaling.partial_rotary_factor: found 0.25, but 8 of 16 dimensions")]
    [InlineData("qwen2", "\"layer_types\": [\"full_attention\", \"sliding_attention\"]",
        "key layer_types: the other keys call for full attention in every layer")]
    [InlineData("qwen2", "\"max_window_layers\": -1", "key max_window_layers: expected 0 or more")]
    [InlineData("mistral", "\"sliding_window\": 0", "key sliding_window: expected a whole number > 0")]
    [InlineData("baichuan2-none", "\"max_position_embeddings\": \"REMOVE\"", "biased by distance (ALiBi)")]
    [InlineData("baichuan2-none", "\"hidden_size\": 5120, \"num_hidden_layers\": 40", "biased by distance (ALiBi)")]
    [InlineData("llama-none", "\"model_type\": \"gpt2\"",
        "key model_type: \"gpt2\" is not supported; supported: llama, mistral, qwen2, qwen3, phi3, gemma, baichuan, gptj, gpt_neox")]
    public void A_key_that_may_matter_is_an_error(string fixture, string change, string expected)
    {
        string message = Assert.Throws<SkipwiseException>(() => Changed(fixture, change)).Message;
        Assert.StartsWith("dir/config.json: ", message);
        Assert.Contains(expected, message);
    }

    /// <summary>Width and depth together tell a Baichuan 13B: another model may share one of them.</summary>
    [Theory]
    [InlineData(5120, 32)]
    [InlineData(4096, 40)]
    public void A_Baichuan_with_the_13B_s_width_or_depth_alone_is_read(int width, int layers)
    {
        DecoderConfig model = Changed("baichuan2-none", $"\"hidden_size\": {width}, \"num_hidden_layers\": {layers}").Model;
        Assert.Equal((width, layers), (model.HiddenSize, model.NumHiddenLayers));
    }

    [Fact]
    public void What_a_family_leaves_out_has_its_own_defaults()
    {
        DecoderConfig gptj =
            Changed("gptj-none", "\"layer_norm_epsilon\": \"REMOVE\", \"activation_function\": \"REMOVE\", \"n_inner\": null").Model;
        Assert.Equal((1e-5, Activation.GeluTanh, 256), (gptj.NormEps, gptj.Activation, gptj.IntermediateSize));
        DecoderConfig neox =
            Changed("gpt_neox-pct25-parallel",
                "\"rotary_pct\": \"REMOVE\", \"use_parallel_residual\": \"REMOVE\", \"attention_bias\": \"REMOVE\", \"hidden_act\": " +
                "\"REMOVE\"").Model;
        Assert.Equal((4, ResidualKind.Parallel, true, Activation.Gelu),
            (neox.RotaryDim, neox.Residual, neox.AttentionBias, neox.Activation));
        Assert.Equal(4096, Changed("mistral", "\"sliding_window\": \"REMOVE\"").Model.SlidingWindow);
        Assert.Null(Changed("mistral", "\"sliding_window\": null").Model.SlidingWindow);
        Assert.Null(Changed("qwen2", "\"sliding_window\": 8").Model.SlidingWindow); // use_sliding_window is false
        DecoderConfig sliding = Changed("qwen2", "\"sliding_window\": 8, \"use_sliding_window\": true, \"max_window_layers\": 1").Model;
        Assert.Equal((8, 1), (sliding.SlidingWindow, sliding.FirstSlidingLayer));
        Assert.Equal(0.5,
            Changed("gpt_neox-pct25-parallel",
                "\"rotary_pct\": \"REMOVE\", \"rope_parameters\": {\"rope_type\": \"default\", \"partial_rotary_factor\": " +
                "0.5}").Model.RotaryDim / 16.0);
    }

    [Fact]
    public void The_first_Baichuan_has_a_plain_head()
    {
        Assert.True(Changed("baichuan2-none", "\"architectures\": [\"BaichuanForCausalLM\"]").Model.NormalizedHead);
        Assert.False(Changed("baichuan2-none", "\"architectures\": [\"BaiChuanForCausalLM\"]").Model.NormalizedHead);
    }

    [Theory]
    [InlineData("llama-yarn16", true), InlineData("baichuan2-yarn16", true), InlineData("llama-hf-yarn16", false),
        InlineData("qwen2-tied-yarn4", false), InlineData("llama-linear8", false)]
    public void A_yarn_that_looks_like_the_originals_is_warned_about_until_the_user_says_which(string fixture, bool warned)
    {
        HfConfig config = HfConfig.Read(Fixture.Path(fixture, "config.json"));
        Assert.Equal(warned, config.Warnings.Any(warning => warning.Contains("say RopeOverrides.Type yarn-revised")));
        Assert.Empty(config.WarningsFor(new RopeOverrides { Type = RopeType.Yarn }));
    }

    [Fact]
    public void A_yarn_without_an_original_length_is_warned_about() =>
        Assert.Contains("scales a window of 512 tokens",
            Assert.Single(HfConfig.Read(Fixture.Path("gptj-yarn16", "config.json")).Warnings));
}
