using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage.Gguf;
using Skipwise.Tests.Checkpoints.HuggingFace;

namespace Skipwise.Tests.Checkpoints.Gguf;

/// <summary>A file's rope by llama.cpp's rules, from its header alone: every pair that is written is equal, every damaged key is
/// found.</summary>
public sealed class GgufRopeCheckTests : IDisposable
{
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    public static MatrixTheoryData<string, RopeType> Pairs => new(TinyConfig.Families, Enum.GetValues<RopeType>());

    private static DecoderConfig Extended(string family, RopeType type)
    {
        HfConfig config = TinyConfig.Of(family);
        return type == RopeType.Default ? config.Model : ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = type });
    }

    /// <summary>A file without weights.</summary>
    /// <param name="change">of a key's value; null takes it away</param>
    private GgufFile Header(string family, DecoderConfig model, Func<string, object, object?> change, float factorsTimes = 1,
        bool hasFactors = true)
    {
        var architecture = GgufArchitecture.For(family, model);
        var rope = new GgufMetadata();
        IReadOnlyList<GgufTensor> factors = GgufRope.Describe(rope, architecture, model);
        var metadata = new GgufMetadata();
        metadata.Add("general.architecture", architecture.Name);
        metadata.Add($"{architecture.Name}.context_length", (uint)model.MaxPositionEmbeddings);
        foreach ((string key, object value) in rope.Values)
        {
            metadata.Add(key, change(key[(architecture.Name.Length + ".rope.".Length)..], value));
        }
        using (FileStream file = File.Create(_temp["header.gguf"]))
        {
            GgufWriter.Write(file, file.Name, metadata, hasFactors
                ? [.. factors.Select(tensor => tensor with { Parts = () => tensor.Parts().Select(part => part * factorsTimes) })] : []);
        }
        return GgufFile.Open(_temp["header.gguf"]);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void What_is_written_is_equal(string family, RopeType type)
    {
        DecoderConfig model = Extended(family, type);
        if (GgufArchitecture.Refusal(family, model) is not null)
        {
            Assert.True(family == "gptj" || GgufRope.NeedsFactors(model.Rope)); // the others are computed
            return;
        }
        using GgufFile file = Header(family, model, (_, value) => value);
        GgufRopeCheck check = GgufRopeCheck.Compare(file, family, model);
        Assert.Empty(check.Differences);
        Assert.InRange(check.Rotation!.LargestRatio, 1, 1 + 1e-6);
        Assert.Equal(check.Rotation!.ExpectedScale, check.Rotation!.Scale, 1e-6);
    }

    [Theory]
    [InlineData("llama", RopeType.Yarn, "scaling.factor", null, "llama.rope.scaling.factor is missing, expected 8")]
    [InlineData("llama", RopeType.Linear, "scaling.factor", 4f, "llama.rope.scaling.factor is 4, expected 8")]
    [InlineData("llama", RopeType.Ntk, "freq_base", 10000f, "llama.rope.freq_base is 10000, expected")]
    [InlineData("qwen2", RopeType.Yarn, "scaling.original_context_length", 2048u, "original_context_length is 2048, expected 256")]
    [InlineData("qwen3", RopeType.Yarn, "scaling.attn_factor", 1.5f, "qwen3.rope.scaling.attn_factor is 1.5, expected none")]
    [InlineData("llama", RopeType.YarnRevised, "scaling.attn_factor", null, "llama.rope.scaling.attn_factor is missing, expected 1.2079")]
    [InlineData("phi3", RopeType.Yarn, "scaling.type", "none", "phi3.rope.scaling.type is none, expected yarn")]
    [InlineData("gemma", RopeType.Yarn, "scaling.yarn_beta_slow", 8f, "gemma.rope.scaling.yarn_beta_slow is 8, expected 1")]
    public void A_damaged_key_is_named(string family, RopeType type, string key, object? value, string expected)
    {
        DecoderConfig model = Extended(family, type);
        using GgufFile damaged = Header(family, model, (name, old) => name == key ? value : old);
        using GgufFile? more = expected.EndsWith("expected none", StringComparison.Ordinal)
            ? With(damaged, $"{family}.rope.{key}", value!) : null;
        GgufRopeCheck check = GgufRopeCheck.Compare(more ?? damaged, family, model);
        Assert.Contains(expected, string.Join('\n', check.Differences));
        Assert.True(check.Rotation!.LargestRatio > 1.01 || Math.Abs((check.Rotation!.Scale / check.Rotation!.ExpectedScale) - 1) > 0.1);
    }

    [Theory]
    [InlineData("llama", RopeType.Ntk, "freq_base", float.NaN), InlineData("llama", RopeType.Ntk, "freq_base", -10000f)]
    [InlineData("llama", RopeType.Linear, "scaling.factor", -8f), InlineData("llama", RopeType.Linear, "scaling.factor", float.NaN)]
    [InlineData("phi3", RopeType.Yarn, "scaling.attn_factor", float.NaN)]
    public void A_number_that_is_none_is_never_equal(string family, RopeType type, string key, float value)
    {
        DecoderConfig model = Extended(family, type);
        using GgufFile damaged = Header(family, model, (name, old) => name == key ? value : old);
        using GgufFile more = With(damaged, $"{family}.rope.{key}", value);
        GgufRopeCheck check = GgufRopeCheck.Compare(more, family, model);
        Assert.False(check.IsEqual);
        Assert.Contains(check.Differences, difference => difference.Contains(key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("scaling.type", "dynamic", "dynamic is none of llama.cpp's"), InlineData("freq_base", "10000", "is no float32")]
    [InlineData("freq_base", 10000u, "is no float32")]
    public void What_llama_cpp_refuses_is_refused(string key, object value, string reason)
    {
        DecoderConfig model = Extended("llama", RopeType.Linear);
        using GgufFile file = Header("llama", model, (name, old) => name == key ? value : old);
        Assert.Contains(reason, Assert.Throws<SkipwiseException>(() => GgufRopeCheck.Compare(file, "llama", model)).Message);
    }

    [Fact]
    public void A_number_of_dimensions_costs_no_memory()
    {
        DecoderConfig model = Extended("llama", RopeType.Linear);
        using GgufFile file = Header("llama", model, (name, old) => name == "dimension_count" ? uint.MaxValue : old);
        Assert.Contains("4294967295 dimensions rotate", Assert.Single(GgufRopeCheck.Compare(file, "llama", model).Differences));
    }

    /// <summary>Factors that the model does not have, such as those of a Llama 3.1 under a Llama 3.</summary>
    [Fact]
    public void Factors_that_are_too_many_are_named()
    {
        using GgufFile file = Header("llama", Extended("llama", RopeType.Llama3), (_, value) => value);
        GgufRopeCheck check = GgufRopeCheck.Compare(file, "llama", Extended("llama", RopeType.Default));
        Assert.False(check.IsEqual);
        Assert.Contains("tensor rope_freqs.weight is in the file, expected none", check.Differences);
    }

    [Fact]
    public void Other_rules_are_not_guessed()
    {
        DecoderConfig model = Extended("llama", RopeType.Yarn);
        using GgufFile file = Header("llama", model, (_, value) => value), other = With(file, "general.architecture", "deepseek2");
        Assert.Contains("architecture deepseek2: only the rules of llama, qwen2",
            Assert.Throws<SkipwiseException>(() => GgufRopeCheck.Compare(other, "llama", model)).Message);
        DecoderConfig steep = model with { Rope = model.Rope with { BetaFast = 16 } };
        Assert.Contains("beta_fast 32", GgufArchitecture.Refusal("llama", steep));
    }

    private GgufFile With(GgufFile file, string key, object value)
    {
        var metadata = new GgufMetadata();
        foreach ((string name, object old) in file.Values.Values.Where(pair => pair.Key != key))
        {
            metadata.Add(name, old);
        }
        metadata.Add(key, value);
        using (FileStream stream = File.Create(_temp["more.gguf"]))
        {
            GgufWriter.Write(stream, stream.Name, metadata, []);
        }
        return GgufFile.Open(_temp["more.gguf"]);
    }

    [Fact]
    public void Factors_that_are_missing_or_wrong_are_named()
    {
        DecoderConfig model = Extended("llama", RopeType.Llama3), phi = Extended("phi3", RopeType.LongRope);
        using (GgufFile missing = Header("llama", model, (_, value) => value, hasFactors: false))
        {
            GgufRopeCheck check = GgufRopeCheck.Compare(missing, "llama", model);
            Assert.Contains("tensor rope_freqs.weight is missing", check.Differences);
            Assert.Equal(8, check.Rotation!.LargestRatio, 1e-3);
        }
        using GgufFile wrong = Header("phi3", phi, (_, value) => value, factorsTimes: 2);
        Assert.Equal(2, GgufRopeCheck.Compare(wrong, "phi3", phi).Rotation!.LargestRatio, 1e-3);
        Assert.Contains("rope_factors_long.weight", Assert.Single(GgufRopeCheck.Compare(wrong, "phi3", phi).Differences));
    }
}
