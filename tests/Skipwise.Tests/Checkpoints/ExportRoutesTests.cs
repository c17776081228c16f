using Skipwise.Checkpoints;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints;

public class ExportRoutesTests
{
    private static readonly string[] s_engines = ["transformers 4", "transformers 5", "vLLM", "llama.cpp (GGUF)", "mlx-lm"];

    private static RopeOptions Rope(RopeType type) => new()
    {
        Type = type,
        Factor = 8,
        OriginalMaxPositionEmbeddings = 2048,
        ShortFactor = type == RopeType.LongRope ? [1, 2] : null,
        LongFactor = type == RopeType.LongRope ? [1, 2] : null,
    };

    /// <summary>Which engines run it, + or -, in the order above.</summary>
    [Theory]
    [InlineData("llama", RopeType.Default, "+++++")]
    [InlineData("llama", RopeType.Ntk, "+++++")] // a plain rope_theta loads everywhere
    [InlineData("llama", RopeType.Linear, "+++++")]
    [InlineData("llama", RopeType.Yarn, "+++++")]
    [InlineData("llama", RopeType.Llama3, "+++++")]
    [InlineData("llama", RopeType.DynamicNtk, "+++-+")]
    [InlineData("llama", RopeType.YarnRevised, "++++-")]
    [InlineData("llama", RopeType.LongRope, "+++++")]
    [InlineData("mistral", RopeType.YarnRevised, "++++-")]
    [InlineData("qwen2", RopeType.YarnRevised, "+++--")]
    [InlineData("qwen3", RopeType.Yarn, "+++++")]
    [InlineData("phi3", RopeType.Yarn, "-++++")]
    [InlineData("phi3", RopeType.LongRope, "+++++")]
    [InlineData("gpt_neox", RopeType.Ntk, "+++++")]
    [InlineData("gpt_neox", RopeType.Linear, "++-+-")]
    [InlineData("gemma", RopeType.Yarn, "++-+-")]
    [InlineData("gptj", RopeType.Default, "+++--")]
    [InlineData("gptj", RopeType.Ntk, "-----")]
    [InlineData("gptj", RopeType.Yarn, "-----")]
    [InlineData("baichuan", RopeType.Default, "++++-")]
    [InlineData("baichuan", RopeType.Yarn, "---+-")]
    [InlineData("baichuan", RopeType.YarnRevised, "-----")]
    public void Every_engine_runs_it_exactly_or_not_at_all(string family, RopeType type, string expected)
    {
        IReadOnlyList<ExportRoute> routes = ExportRoutes.Of(family, Rope(type));
        Assert.Equal(s_engines, routes.Select(route => route.Engine));
        Assert.Equal(expected, string.Concat(routes.Select(route => route.Possible ? '+' : '-')));
        Assert.All(routes, route => Assert.NotEmpty(route.How));
    }

    [Theory]
    [InlineData(RopeType.Ntk, "rope_theta")]
    [InlineData(RopeType.YarnRevised, "longrope")]
    [InlineData(RopeType.Yarn, "as yarn")]
    [InlineData(RopeType.DynamicNtk, "stays the original window")]
    public void The_terms_are_those_that_a_saved_configuration_has(RopeType type, string term) =>
        Assert.All(ExportRoutes.Of("llama", Rope(type)).Take(3), route => Assert.Contains(term, route.How, StringComparison.Ordinal));

    [Fact]
    public void An_attention_factor_of_its_own_is_minded()
    {
        RopeOptions own = Rope(RopeType.Yarn) with { AttentionFactor = 1.5 }, derived = Rope(RopeType.Yarn) with { AttentionFactor = 1.2079441541679836 };
        Assert.False(ExportRoutes.Of("llama", own)[4].Possible);
        Assert.True(ExportRoutes.Of("llama", derived)[4].Possible);
        Assert.Contains("attn_factor", ExportRoutes.Of("llama", own)[3].How, StringComparison.Ordinal);
        Assert.False(ExportRoutes.Of("llama", Rope(RopeType.LongRope) with { ShortFactor = [1, 1] })[4].Possible);
        Assert.Equal((false, true), (ExportRoutes.Of("phi3", Rope(RopeType.LongRope) with { AttentionFactor = 1.5 })[0].Possible, ExportRoutes.Of("llama", Rope(RopeType.LongRope) with { AttentionFactor = 1.5 })[0].Possible));
    }

    [Fact]
    public void Every_family_and_scaling_has_an_answer() =>
        Assert.All(ModelFamily.Supported.SelectMany(family => Enum.GetValues<RopeType>().Select(type => (family, type))),
            pair => Assert.Equal(5, ExportRoutes.Of(pair.family, Rope(pair.type)).Count));

    [Fact]
    public void Families_whose_rope_is_fixed_elsewhere_run_stretched_in_no_program_of_Hugging_Faces_configuration() =>
        Assert.All(ModelFamily.Supported, family => Assert.Equal(
            ModelFamily.Named(family, "").RopeIsFixedElsewhere,
            !ExportRoutes.Of(family, Rope(RopeType.Ntk)).Take(3).Any(route => route.Possible)));
}
