using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>A damaged key of a config.json is found in every program that reads it, and named.</summary>
public class RopeKeysAtFaultTests
{
    private const string Original = "original_max_position_embeddings";
    private const string Four = "transformers 4", Five = "transformers 5", Vllm = "vLLM", Mlx = "mlx-lm",
        All = $"{Four},{Five},{Vllm},{Mlx}";

    /// <param name="keys">paths that are set; more than one where a key stands twice</param>
    /// <param name="value">JSON; empty takes the keys away</param>
    /// <param name="programs">that read it</param>
    [Theory]
    [InlineData("llama", RopeType.Yarn, "rope_scaling.factor", "4.0", $"{Five},{Vllm},{Mlx}", "rope_scaling.factor is 4.0, expected 8.0")]
    [InlineData("llama", RopeType.Linear, "rope_scaling.factor", "", All, "rope_scaling.factor is missing, expected 8.0")]
    [InlineData("llama", RopeType.Llama3, "rope_scaling.factor", "", All, "rope_scaling.factor is missing, expected 8.0")]
    [InlineData("llama", RopeType.Yarn, "rope_theta", "500000.0", All, "rope_theta is 500000.0, expected 10000.0")]
    [InlineData("qwen2", RopeType.Ntk, "rope_theta", "", $"{Four},{Mlx}", "rope_theta is missing, expected")]
    [InlineData("llama", RopeType.Yarn, "rope_scaling", "", $"{Four},{Mlx}", "rope_scaling is missing, expected a scaling of type yarn")]
    [InlineData("llama", RopeType.Yarn, $"rope_scaling.{Original},{Original}", "2048", All, "is 2048, expected 256")]
    [InlineData("llama", RopeType.Yarn, "rope_scaling.attention_factor", "1.4591", $"{Four},{Five},{Vllm}",
        "rope_scaling.attention_factor is 1.4591, expected 1.2079")]
    [InlineData("llama", RopeType.Yarn, "rope_scaling.beta_slow", "8.0", All, "beta_slow is 8.0, expected 1.0")]
    [InlineData("llama", RopeType.YarnRevised, "rope_scaling.attention_factor", "", $"{Four},{Five}", "attention_factor is missing")]
    [InlineData("llama", RopeType.YarnRevised, "rope_scaling.long_mscale,rope_scaling.short_mscale", "", Vllm, "long_mscale is missing")]
    [InlineData("llama", RopeType.LongRope, "rope_scaling.long_factor", "[2,2,2,2,2,2,2,2]", All,
        "rope_scaling.long_factor is a list of 8 numbers")]
    [InlineData("llama", RopeType.LongRope, "rope_scaling.long_factor", "[2,2]", All,
        "rope_scaling.long_factor is a list of 2 numbers")]
    [InlineData("llama", RopeType.Llama3, "rope_scaling.high_freq_factor", "\"four\"", All,
        "high_freq_factor is \"four\", expected 4.0")]
    [InlineData("gpt_neox", RopeType.Ntk, "rotary_pct", "0.25", $"{Four},{Mlx}", "rotary_pct is 0.25")]
    [InlineData("phi3", RopeType.LongRope, "rope_scaling.long_factor", "", All, "rope_scaling")]
    [InlineData("phi3", RopeType.LongRope, "rope_scaling.type", "\"yarn\"", All, "rope_scaling.type is \"yarn\", expected \"longrope\"")]
    [InlineData("gemma", RopeType.Ntk, "rope_theta,rope_parameters.rope_theta", "10000.0", All, "rope_theta is 10000.0, expected")]
    [InlineData("mistral", RopeType.Llama3, "rope_scaling.low_freq_factor", "2.0", All, "low_freq_factor is 2.0, expected 1.0")]
    [InlineData("qwen3", RopeType.Linear, "rope_scaling.factor", "0.125", All, "rope_scaling.factor is 0.125, expected 8.0")]
    [InlineData("llama", RopeType.Yarn, "rope_scaling.type", "\"linear\"", $"{Four},{Mlx}",
        "rope_scaling.type is \"linear\", expected \"yarn\"")]
    [InlineData("gptj", RopeType.Default, "rotary_dim", "", $"{Four},{Five},{Vllm}", "")] // the family's default is 64
    [InlineData("gptj", RopeType.Default, "rotary_dim", "536870912", $"{Four},{Five},{Vllm}", "")] // and costs no memory
    [InlineData("gptj", RopeType.Default, "rotary_dim", "4", $"{Four},{Five},{Vllm}", "")]
    public void A_damaged_key_is_named(string family, RopeType type, string keys, string value, string programs, string expected)
    {
        HfConfig config = TinyConfig.Of(family);
        DecoderConfig model = type == RopeType.Default ? config.Model
            : ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = type });
        JsonObject raw = HfConfig.ForExtended(config.Raw, model);
        Assert.Equal(Expected(family, type), Failing(raw, config.Family, model)); // before the damage
        foreach (string[] path in keys.Split(',').Select(key => key.Split('.')))
        {
            var owner = path.Length == 1 ? raw : (JsonObject)raw[path[0]]!;
            owner.Remove(path[^1]);
            if (value != "")
            {
                owner[path[^1]] = JsonNode.Parse(value);
            }
        }
        Assert.Equal(programs.Split(',').Union(Expected(family, type)).Order(), Failing(raw, config.Family, model).Order());
        foreach (ExportVerdict verdict in ExportRoutes.Verdicts(raw, config.Family, model)
            .Where(verdict => programs.Split(',').Contains(verdict.Route.Engine)))
        {
            IReadOnlyList<string> found = RopeKeysAtFault.Find(raw, config.Family, model, verdict.Program);
            Assert.True(expected == "" || found.Any(key => key.Contains(expected, StringComparison.Ordinal)), string.Join('\n', found));
            Assert.True(verdict.Rotation is { Runs: false } or { Difference: null or { LargestRatio: > 1.01 } }
                || Math.Abs((verdict.Rotation!.Difference!.Scale / verdict.Rotation.Difference.ExpectedScale) - 1) > 0.01);
        }
    }

    /// <summary>mlx-lm has no attention factor but its own.</summary>
    private static string[] Expected(string family, RopeType type) => (family, type) switch
    {
        (_, RopeType.YarnRevised) or ("gptj", _) => [Mlx],
        ("phi3", RopeType.Yarn) => [Four, Mlx],
        _ => [],
    };

    private static string[] Failing(JsonObject raw, ModelFamily family, DecoderConfig model) =>
    [
        .. ExportRoutes.Verdicts(raw, family, model).Where(verdict => verdict.Rotation is not null && !verdict.Route.Possible)
            .Select(verdict => verdict.Route.Engine),
    ];

    /// <summary>What a program may take with a warning, or by a rule that is not known here, is no refusal: the check fails.</summary>
    [Theory]
    [InlineData("rope_scaling.beta_fast", "-1.0"), InlineData("rope_theta", "0.5"), InlineData("rope_scaling.truncate", "false")]
    [InlineData("rope_scaling.attn_factor", "2.0"), InlineData("num_attention_heads", "2"), InlineData("rope_scaling.beta_fast", "\"x\"")]
    public void What_is_not_known_is_a_fault(string key, string value)
    {
        HfConfig config = TinyConfig.Of("llama");
        DecoderConfig model = ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = RopeType.Yarn });
        JsonObject raw = HfConfig.ForExtended(config.Raw, model);
        string[] path = key.Split('.');
        ((JsonObject)(path.Length == 1 ? raw : raw[path[0]]!))[path[^1]] = JsonNode.Parse(value);
        Assert.All(ExportRoutes.Verdicts(raw, config.Family, model).Where(verdict => verdict.Rotation is not null), verdict =>
            Assert.True(verdict is { Route.Possible: false, Rotation.Runs: true }, $"{verdict.Route}"));
    }

    /// <summary>A program is asked for its decoder too.</summary>
    [Theory]
    [InlineData("gpt_neox", "'use_parallel_residual': false", "+++-"), InlineData("llama", "'hidden_act': 'gelu'", "++--")]
    public void Another_decoder_is_a_no(string family, string keys, string signs)
    {
        HfConfig config = TinyConfig.Of(family, keys);
        Assert.Equal(signs, string.Concat(ExportRoutes.Verdicts(config.Raw, config.Family, config.Model)
            .Where(verdict => verdict.Rotation is not null).Select(verdict => verdict.Route.Possible ? '+' : '-')));
    }

    [Fact]
    public void Two_damaged_keys_are_both_named()
    {
        HfConfig config = TinyConfig.Of("llama");
        DecoderConfig model = ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = RopeType.Yarn });
        JsonObject raw = HfConfig.ForExtended(config.Raw, model);
        raw["rope_theta"] = JsonNode.Parse("500000.0");
        raw["rope_scaling"]!["beta_slow"] = JsonNode.Parse("8.0");
        string keys = string.Join(' ', RopeKeysAtFault.Find(raw, config.Family, model, ExportTarget.Transformers4));
        Assert.Contains("rope_theta is 500000.0", keys);
        Assert.Contains("rope_scaling.beta_slow is 8.0", keys);
    }

    [Fact]
    public void Nothing_is_at_fault_in_what_is_written()
    {
        foreach (HfConfig config in TinyConfig.Families.Select(family => TinyConfig.Of(family)))
        {
            DecoderConfig model = ContextExtension.Extend(config.Model, 2048, new RopeOverrides(), config.Family.RopePreference);
            JsonObject raw = HfConfig.ForExtended(config.Raw, model);
            Assert.All(ExportRoutes.Verdicts(raw, config.Family, model).Where(verdict => verdict.Rotation is not null),
                verdict => Assert.Empty(RopeKeysAtFault.Find(raw, config.Family, model, verdict.Program)));
        }
    }

    /// <summary>vLLM's dynamic scaling, by its formula: the base for a text of factor times the stated window.</summary>
    [Fact]
    public void VLlms_dynamic_scaling_is_that_of_a_full_window()
    {
        HfConfig config = TinyConfig.Of("llama");
        DecoderConfig model = config.Model with
        {
            Rope = config.Model.Rope with { Type = RopeType.DynamicNtk, Factor = 8, OriginalMaxPositionEmbeddings = 256 },
            MaxPositionEmbeddings = 2048,
        };
        ConsumerReading read = ConsumerReading.By(ExportTarget.Vllm, HfConfig.ForExtended(config.Raw, model), config.Family, model);
        double full = 256 * 8, theta = 10000 * Math.Pow((8 * full / 256) - 7, 16.0 / 14);
        Assert.Equal(theta, read.Rope!.Theta, theta * 1e-12);
        var difference = RotationDifference.Of(length => RopeFrequency.Compute(read.Rope, 16, length), model);
        Assert.InRange(difference.LargestRatio, 1.5, 100);
    }
}
