using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

/// <summary>
/// The rope keys of a config.json, wherever a program writes them; and what is said of files that programs read differently.
/// </summary>
public class RopeWarningsTests
{
    private const string Lists = "'short_factor': [1,1,1,1,1,1,1,1], 'long_factor': [1,2,3,4,5,6,7,8]";

    private static void Check(string family, string keys, RopeType type, double factor, int original, int window, string? warning)
    {
        HfConfig config = TinyConfig.Of(family, keys);
        DecoderConfig model = config.Model;
        Assert.Equal((type, factor, original, window),
            (model.Rope.Type, model.Rope.Factor, model.Rope.OriginalMaxPositionEmbeddings, model.MaxPositionEmbeddings));
        if (warning is null)
        {
            Assert.Empty(config.Warnings);
        }
        else
        {
            Assert.StartsWith("dir/config.json: key ", Assert.Single(config.Warnings));
            Assert.Contains(warning, config.Warnings[0], StringComparison.Ordinal);
        }
        Assert.Empty(config.WarningsFor(new RopeOverrides { OriginalLength = original })); // the user said which
    }

    /// <summary>
    /// The window before the extension may stand outside of the rope's keys, inside, or in both places. The file's own window is 256.
    /// </summary>
    [Theory]
    [InlineData("rope_scaling", "yarn", "32", null, 32,
        "key original_max_position_embeddings: 32 is used, as in transformers 5; transformers 4")]
    [InlineData("rope_scaling", "llama3", "32", null, 32,
        "key original_max_position_embeddings: 32 is used, as in transformers 5; transformers 4")]
    [InlineData("rope_scaling", "longrope", "32", null, 32, null)] // transformers 4 looks there, too
    [InlineData("rope_scaling", "yarn", null, "32", 32, null)]
    [InlineData("rope_scaling", "llama3", null, "32", 32, null)]
    [InlineData("rope_scaling", "longrope", null, "32", 32, null)]
    [InlineData("rope_scaling", "yarn", "32", "32", 32, null)]
    [InlineData("rope_scaling", "yarn", "32", "64", 32,
        "key original_max_position_embeddings: 32 is used, as in transformers 5, but rope_scaling.original_max_position_embeddings is 64")]
    [InlineData("rope_scaling", "llama3", "32", "64", 32, "but rope_scaling.original_max_position_embeddings is 64")]
    [InlineData("rope_scaling", "longrope", "32", "64", 32, "but rope_scaling.original_max_position_embeddings is 64")]
    [InlineData("rope_parameters", "yarn", "32", null, 32, null)] // a file of transformers 5
    [InlineData("rope_parameters", "yarn", "32", "64", 32, "but rope_parameters.original_max_position_embeddings is 64")]
    public void The_original_window_is_found_in_either_place(string section, string type, string? outside, string? inside, int original,
        string? warning)
    {
        string keys = (outside is null ? "" : $"'original_max_position_embeddings': {outside}, ")
            + $"'{section}': {{'rope_type': '{type}', 'factor': 8.0"
            + (inside is null ? "" : $", 'original_max_position_embeddings': {inside}")
            + type switch { "llama3" => ", 'low_freq_factor': 1.0, 'high_freq_factor': 4.0}", "longrope" => $", {Lists}}}", _ => "}" };
        RopeType known = type switch { "llama3" => RopeType.Llama3, "longrope" => RopeType.LongRope, _ => RopeType.Yarn };
        Check("llama", keys, known, 8, original, 256, warning);
    }

    /// <summary>max_position_embeddings of a linear scaling is the base's window or the extended one.</summary>
    [Theory]
    [InlineData("", 32, 256,
        "key max_position_embeddings: can be read in two ways: 256 is taken for the extended window, of a model of originally 32 tokens")]
    [InlineData("'max_sequence_length': 2048, ", 256, 2048, null)] // Vicuna
    [InlineData("'max_sequence_length': 256, ", 32, 256, null)]
    [InlineData("'max_sequence_length': 999, ", 32, 256, "can be read in two ways")]
    [InlineData("'original_max_position_embeddings': 32, ", 32, 256, null)]
    [InlineData("'original_max_position_embeddings': 256, ", 256, 2048, null)]
    public void A_linear_scaling_says_which_window_it_means_or_is_warned_about(string beside, int original, int window, string? warning) =>
        Check("llama", beside + "'rope_scaling': {'type': 'linear', 'factor': 8.0}", RopeType.Linear, 8, original, window, warning);

    [Theory]
    [InlineData("", null)]
    [InlineData("'original_max_position_embeddings': 256, ", null)]
    [InlineData("'original_max_position_embeddings': 32, ", "key original_max_position_embeddings: 32 is not read under dynamic")]
    public void A_dynamic_scaling_has_the_original_window_in_one_place(string beside, string? warning) =>
        Check("llama", beside + "'rope_scaling': {'type': 'dynamic', 'factor': 8.0}", RopeType.DynamicNtk, 8, 256, 2048, warning);

    [Fact]
    public void A_factor_that_the_windows_contradict_is_named() =>
        Check("qwen2", "'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 256}", RopeType.Yarn, 4,
            256, 1024,
            "key rope_scaling.factor: 4 is used; transformers 4.52 to 4.57 divide max_position_embeddings "
            + "by original_max_position_embeddings instead, which gives 1");

    /// <summary>Phi-3's own window before the extension is 4096 in every program, where the file does not say another outside.</summary>
    [Fact]
    public void Phi3_has_an_original_window_of_its_own()
    {
        string Scaling(string more) => $"'max_position_embeddings': 131072, 'rope_scaling': {{'type': 'su', {more}{Lists}}}";
        Check("phi3", Scaling(""), RopeType.LongRope, 32, 4096, 131072, null);
        Check("phi3", "'original_max_position_embeddings': 2048, " + Scaling(""), RopeType.LongRope, 64, 2048, 131072, null);
        Check("phi3", Scaling("'original_max_position_embeddings': 2048, "), RopeType.LongRope, 64, 2048, 131072,
            "key rope_scaling.original_max_position_embeddings: 2048 is used, "
            + "but transformers looks for it outside of rope_scaling alone and takes 4096");
    }

    /// <summary>transformers 5 writes the base among the rope's keys, under the new name or, from older files, the old one.</summary>
    [Theory]
    [InlineData("llama", "'rope_theta': 'REMOVE', 'rope_scaling': {'rope_type': 'default', 'rope_theta': 500000.0}", 500000, 16, null)]
    [InlineData("llama", "'rope_theta': 'REMOVE', 'rope_parameters': {'rope_theta': 500000.0}", 500000, 16, null)]
    [InlineData("llama", "'rope_theta': 500000, 'rope_parameters': {'rope_type': 'default', 'rope_theta': 500000.0}", 500000, 16, null)]
    [InlineData("llama", "'rope_theta': 500000, 'rope_scaling': {}", 500000, 16, null)]
    [InlineData("llama", "'rope_theta': 'REMOVE'", 10000, 16, null)]
    [InlineData("llama", "'rope_theta': 'REMOVE', 'rope_scaling': {'rope_type': 'dynamic', 'factor': 2.0}, "
        + "'rope_parameters': {'rope_type': 'dynamic', 'factor': 2.0, 'rope_theta': 500000.0}", 500000, 16,
        "key rope_parameters.rope_theta: 500000 is used, but programs that find rope_scaling do not look here and take 10000. "
        + "State rope_theta outside, too")]
    [InlineData("gpt_neox", "'rotary_pct': 0.5, 'partial_rotary_factor': 0.5, 'rope_theta': 10000, 'rope_scaling': null", 10000, 8,
        null)] // 4.45 to 4.57
    [InlineData("gpt_neox", "'rotary_pct': 'REMOVE', 'partial_rotary_factor': 0.5", 10000, 8, null)]
    [InlineData("gpt_neox", "'rotary_pct': 'REMOVE', 'rotary_emb_base': 'REMOVE', "
        + "'rope_parameters': {'rope_type': 'default', 'rope_theta': 20000, 'partial_rotary_factor': 1.0}", 20000, 16, null)] // 5
    [InlineData("gpt_neox", "'rotary_pct': 'REMOVE', 'rope_scaling': {'rope_type': 'default', 'partial_rotary_factor': 0.5}", 10000, 8,
        null)]
    [InlineData("gpt_neox", "'rotary_pct': 'REMOVE'", 10000, 4, null)]
    [InlineData("gpt_neox", "'rotary_pct': 'REMOVE', 'rope_scaling': {'rope_type': 'dynamic', 'factor': 2.0}, "
        + "'rope_parameters': {'rope_type': 'dynamic', 'factor': 2.0, 'partial_rotary_factor': 0.5}", 10000, 8,
        "key rope_parameters.partial_rotary_factor: 0.5 is used, but programs that find rope_scaling do not look here and take 0.25. "
        + "State rotary_pct outside, too")]
    public void Base_and_share_are_found_wherever_they_stand(string family, string keys, double theta, int rotaryDim, string? warning)
    {
        HfConfig config = TinyConfig.Of(family, keys);
        Assert.Equal((theta, rotaryDim), (config.Model.Rope.Theta, config.Model.RotaryDim));
        Assert.Equal(warning is null ? [] : [$"dir/config.json: {warning}"], config.Warnings);
    }
}
