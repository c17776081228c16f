using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Tests.Checkpoints.HuggingFace;

public class ExportRoutesTests
{
    private const int Transformers4 = 0, Transformers5 = 1, Vllm = 2, LlamaCpp = 3, Mlx = 4;

    private static readonly string[] s_engines = ["transformers 4", "transformers 5", "vLLM", "llama.cpp (GGUF)", "mlx-lm"];

    private static DecoderConfig Extended(HfConfig config, RopeType type, Func<RopeOptions, RopeOptions>? change = null)
    {
        DecoderConfig model = ContextExtension.Extend(config.Model, 2048, new RopeOverrides { Type = type });
        if (type == RopeType.DynamicNtk) // as a model may come; an extension pins it
        {
            double factor = 2048.0 / model.Rope.OriginalMaxPositionEmbeddings;
            model = model with { Rope = config.Model.Rope with { Type = type, Factor = factor } };
        }
        return change is null ? model : model with { Rope = change(model.Rope) };
    }

    private static IReadOnlyList<ExportRoute> Routes(string family, RopeType type, Func<RopeOptions, RopeOptions>? change = null,
        string keys = "")
    {
        HfConfig config = TinyConfig.Of(family, keys);
        return ExportRoutes.For(config, type == RopeType.Default ? config.Model : Extended(config, type, change));
    }

    /// <summary>What inspect says of a file as it lies there.</summary>
    private static IReadOnlyList<ExportRoute> OfFile(string family, string keys)
    {
        HfConfig config = TinyConfig.Of(family, keys);
        return ExportRoutes.For(config, config.Model);
    }

    private static string Signs(IReadOnlyList<ExportRoute> routes) => string.Concat(routes.Select(route => route.Possible ? '+' : '-'));

    private static RopeOptions TwoLists(RopeOptions rope) => rope with { ShortFactor = [.. rope.LongFactor!.Select(_ => 1.0)] };

    /// <summary>Which engines run it, + or -, in the order above.</summary>
    [Theory]
    [InlineData("llama", RopeType.Default, "+++++")]
    [InlineData("llama", RopeType.Ntk, "+++++")] // a plain rope_theta loads everywhere
    [InlineData("llama", RopeType.Linear, "+++++")]
    [InlineData("llama", RopeType.Yarn, "+++++")]
    [InlineData("llama", RopeType.Llama3, "+++++")]
    [InlineData("llama", RopeType.DynamicNtk, "++---")]
    [InlineData("llama", RopeType.YarnRevised, "++++-")]
    [InlineData("llama", RopeType.LongRope, "+++++")]
    [InlineData("mistral", RopeType.YarnRevised, "++++-")]
    [InlineData("qwen2", RopeType.YarnRevised, "++++-")]
    [InlineData("qwen3", RopeType.Yarn, "+++++")]
    [InlineData("phi3", RopeType.Ntk, "+++++")]
    [InlineData("phi3", RopeType.LongRope, "+++++")]
    [InlineData("phi3", RopeType.Linear, "-+++-")] // written as longrope, whose attention factor transformers 4 and mlx-lm derive
    [InlineData("phi3", RopeType.Yarn, "-+++-")]
    [InlineData("phi3", RopeType.YarnRevised, "-+++-")]
    [InlineData("phi3", RopeType.Llama3, "-+++-")]
    [InlineData("phi3", RopeType.DynamicNtk, "-----")]
    [InlineData("gpt_neox", RopeType.Ntk, "+++++")]
    [InlineData("gpt_neox", RopeType.Linear, "++-+-")]
    [InlineData("gemma", RopeType.Yarn, "++-+-")]
    [InlineData("gptj", RopeType.Default, "+++--")]
    [InlineData("gptj", RopeType.Ntk, "-----")]
    [InlineData("gptj", RopeType.Yarn, "-----")]
    [InlineData("baichuan", RopeType.Default, "++++-")]
    [InlineData("baichuan", RopeType.Ntk, "---+-")]
    [InlineData("baichuan", RopeType.Yarn, "---+-")]
    [InlineData("baichuan", RopeType.YarnRevised, "---+-")]
    public void Every_engine_runs_it_exactly_or_not_at_all(string family, RopeType type, string expected)
    {
        IReadOnlyList<ExportRoute> routes = Routes(family, type);
        Assert.Equal(s_engines, routes.Select(route => route.Engine));
        Assert.Equal(expected, Signs(routes));
        Assert.All(routes, route => Assert.NotEmpty(route.How));
    }

    /// <summary>
    /// Saved and read again, a model runs where it was said to: NTK is a plain base then, and Phi-3's scalings are longrope.
    /// </summary>
    [Theory]
    [MemberData(nameof(FamiliesAndTypes))]
    public void A_saved_model_runs_where_it_was_promised(string family, RopeType type)
    {
        HfConfig config = TinyConfig.Of(family);
        DecoderConfig extended = Extended(config, type);
        HfConfig saved = HfConfig.Parse(config.TextFor(extended), "config.json");
        Assert.Equal(Signs(ExportRoutes.For(config, extended)), Signs(ExportRoutes.For(saved, saved.Model)));
    }

    public static MatrixTheoryData<string, RopeType> FamiliesAndTypes =>
        new(TinyConfig.Families, [.. Enum.GetValues<RopeType>().Where(type => type != RopeType.Default)]);

    [Theory]
    [InlineData(RopeType.Ntk, "rope_theta")]
    [InlineData(RopeType.YarnRevised, "longrope")]
    [InlineData(RopeType.Yarn, "as yarn")]
    public void The_terms_are_those_that_a_saved_configuration_has(RopeType type, string term) =>
        Assert.All(Routes("llama", type).Take(3), route => Assert.Contains(term, route.How, StringComparison.Ordinal));

    /// <summary>The borders that were measured.</summary>
    [Theory]
    [InlineData("llama", RopeType.Linear, "4.44"), InlineData("llama", RopeType.Llama3, "4.44"), InlineData("llama", RopeType.Yarn, "4.51")]
    [InlineData("qwen2", RopeType.Linear, "4.45")]
    [InlineData("qwen2", RopeType.YarnRevised, "4.45")]
    [InlineData("qwen2", RopeType.Yarn, "4.51")]
    [InlineData("gpt_neox", RopeType.DynamicNtk, "4.45"), InlineData("gpt_neox", RopeType.Yarn, "4.51")]
    [InlineData("mistral", RopeType.Llama3, "4.48")]
    [InlineData("gemma", RopeType.Linear, "4.48")]
    [InlineData("gemma", RopeType.Yarn, "4.51")]
    [InlineData("qwen3", RopeType.Linear, "4.51"), InlineData("phi3", RopeType.LongRope, "4.43")]
    public void The_first_release_that_computes_it_is_named(string family, RopeType type, string release) =>
        Assert.Contains($"({release} or later", Routes(family, type)[Transformers4].How, StringComparison.Ordinal);

    [Fact]
    public void Lists_that_differ_are_run_by_few()
    {
        IReadOnlyList<ExportRoute> llama = Routes("llama", RopeType.LongRope, TwoLists), phi3 = Routes("phi3", RopeType.LongRope, TwoLists);
        Assert.Equal(("++---", "++---"), (Signs(llama), Signs(phi3)));
        Assert.Contains("(4.52 or later", llama[Transformers4].How, StringComparison.Ordinal);
        Assert.Contains("(4.43 or later", phi3[Transformers4].How, StringComparison.Ordinal);
        Assert.Contains("not by the length of the text", llama[LlamaCpp].How, StringComparison.Ordinal);
    }

    [Fact]
    public void An_attention_factor_of_its_own_is_minded()
    {
        static RopeOptions Own(RopeOptions rope) => rope with { AttentionFactor = 1.5 };
        static RopeOptions AsDerived(RopeOptions rope) => rope with { AttentionFactor = 1.2079441541679836 };
        Assert.False(Routes("llama", RopeType.Yarn, Own)[Mlx].Possible);
        Assert.True(Routes("llama", RopeType.Yarn, AsDerived)[Mlx].Possible);
        Assert.Contains("attn_factor", Routes("llama", RopeType.Yarn, Own)[LlamaCpp].How, StringComparison.Ordinal);
        Assert.Equal("-+", Signs(Routes("phi3", RopeType.LongRope, Own))[..2]);
        Assert.True(Routes("llama", RopeType.LongRope, Own)[Transformers4].Possible);
    }

    /// <summary>
    /// Windows that slide in the upper layers are right in transformers 5 alone; no engine of the last two has windows at all.
    /// </summary>
    [Theory]
    [InlineData("qwen2", "'use_sliding_window': true, 'sliding_window': 8, 'max_window_layers': 1", "-++--")]
    [InlineData("qwen3", "'use_sliding_window': true, 'sliding_window': 8, 'max_window_layers': 1", "-++--")]
    [InlineData("qwen2", "'use_sliding_window': false, 'sliding_window': 8", "+++++")]
    [InlineData("mistral", "'sliding_window': 8", "+++--")]
    [InlineData("mistral", "'sliding_window': 4096", "+++++")] // wider than the model's window
    public void Windows_are_minded(string family, string keys, string expected) => Assert.Equal(expected, Signs(OfFile(family, keys)));

    [Fact]
    public void Heads_and_windows_of_other_kinds_need_later_releases()
    {
        Assert.Contains("(4.45 or later", Routes("llama", RopeType.Linear, keys: "'head_dim': 24")[Transformers4].How,
            StringComparison.Ordinal);
        Assert.Contains("(4.45 or later", OfFile("llama", "'head_dim': 24")[Transformers4].How, StringComparison.Ordinal);
        Assert.Contains("(4.47 or later", OfFile("phi3", "'sliding_window': 8")[Transformers4].How, StringComparison.Ordinal);
        Assert.Contains("(4.49 or later", OfFile("phi3", "'partial_rotary_factor': 0.5")[Transformers4].How, StringComparison.Ordinal);
        Assert.Equal("--", Signs(OfFile("llama", "'partial_rotary_factor': 0.5"))[..2]);
    }

    /// <summary>A file says the same to Skipwise and to a program, or the program is a no that tells what it reads.</summary>
    [Theory]
    [InlineData("llama", "'rope_theta': 'REMOVE', 'rope_parameters': {'rope_type': 'default', 'rope_theta': 500000.0}", "-+",
        "reads no scaling, and 10000 for the base")]
    [InlineData("llama", "'rope_theta': 'REMOVE', 'rope_scaling': {'rope_type': 'default', 'rope_theta': 500000.0}", "-+",
        "10000 for the base")]
    [InlineData("llama", "'original_max_position_embeddings': 32, 'rope_scaling': {'rope_type': 'yarn', 'factor': 8.0}", "-+",
        "reads yarn by 8 of a window of 256 tokens")]
    [InlineData("llama", "'original_max_position_embeddings': 32, 'rope_scaling': "
        + "{'rope_type': 'yarn', 'factor': 8.0, 'original_max_position_embeddings': 64}", "-+", "of a window of 64 tokens")]
    [InlineData("llama", "'rope_scaling': {'rope_type': 'yarn', 'factor': 4.0, 'original_max_position_embeddings': 256}", "-+",
        "reads yarn by 1 of a window of 256 tokens")]
    [InlineData("llama", "'original_max_position_embeddings': 32, 'rope_scaling': "
        + "{'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0}", "-+", "refuses the file")]
    [InlineData("llama", "'rope_scaling': {'type': 'vanilla_ntk', 'factor': 8.0}", "--", "knows no rope of type vanilla_ntk")]
    [InlineData("llama", "'rope_scaling': {'type': 'linear', 'factor': 8.0}", "++", "as linear")]
    [InlineData("gpt_neox",
        "'rotary_pct': 'REMOVE', 'rope_parameters': {'rope_type': 'default', 'rope_theta': 10000.0, 'partial_rotary_factor': 0.5}", "-+",
        "looks for rotary_pct alone")]
    [InlineData("gpt_neox", "'rotary_pct': 'REMOVE', 'rope_scaling': {'rope_type': 'linear', 'factor': 8.0}, "
        + "'rope_parameters': {'rope_type': 'linear', 'factor': 8.0, 'partial_rotary_factor': 0.5}", "--", "looks for rotary_pct alone")]
    [InlineData("gpt_neox", "'partial_rotary_factor': 0.5", "++", "as it is")]
    [InlineData("phi3", "'rope_scaling': {'type': 'su', 'short_factor': [1,1,1,1,1,1,1,1], 'long_factor': [1,2,3,4,5,6,7,8]}", "+-",
        "as longrope")]
    [InlineData("phi3", "'rope_scaling': {'type': 'linear', 'factor': 8.0}", "--", "three keys")]
    [InlineData("phi3", "'rope_scaling': {'type': 'longrope', 'original_max_position_embeddings': 32, "
        + "'short_factor': [1,1,1,1,1,1,1,1], 'long_factor': [1,2,3,4,5,6,7,8]}", "--", "three keys")]
    [InlineData("gptj", "'rope_scaling': {'type': 'none', 'factor': 8.0}", "++", "as it is")] // a key that GPT-J's code never reads
    public void A_file_that_a_program_reads_differently_is_a_no(string family, string keys, string expected, string word)
    {
        IReadOnlyList<ExportRoute> routes = OfFile(family, keys);
        Assert.Equal(expected, Signs(routes)[..2]);
        Assert.Contains(word, routes[Transformers4].How, StringComparison.Ordinal);
        Assert.True(routes[Transformers5].Possible || !routes[Vllm].Possible); // which reads configurations through transformers
    }

    [Fact]
    public void Families_whose_rope_is_fixed_elsewhere_run_stretched_in_no_program_of_Hugging_Faces_configuration() =>
        Assert.All(ModelFamily.Supported, family => Assert.Equal(
            ModelFamily.FromModelType(family, "").RopeIsFixedElsewhere,
            !Routes(family, RopeType.Ntk).Take(3).Any(route => route.Possible)));

    /// <summary>What train does where the user names no scaling loads in transformers, unless nothing scaled does.</summary>
    [Fact]
    public void The_default_of_every_family_loads()
    {
        foreach (HfConfig config in TinyConfig.Families.Select(family => TinyConfig.Of(family)))
        {
            DecoderConfig extended = ContextExtension.Extend(config.Model, 2048, new RopeOverrides(), config.Family.RopePreference);
            Assert.Equal(config.Family.RopeIsFixedElsewhere ? "--" : "++", Signs(ExportRoutes.For(config, extended))[..2]);
            Assert.Equal(config.Family.RopeIsFixedElsewhere, config.ExportWarning(extended) is not null);
        }
    }

    /// <summary>The table in the documentation is what inspect says.</summary>
    [Fact]
    public void The_documentation_has_this_table()
    {
        (string Head, RopeType Type, Func<RopeOptions, RopeOptions>? Change)[] columns =
        [
            ("`default`", RopeType.Default, null), ("`ntk`", RopeType.Ntk, null), ("`linear`", RopeType.Linear, null),
            ("`dynamic-ntk`", RopeType.DynamicNtk, null),
            ("`yarn`", RopeType.Yarn, null), ("`yarn-revised`", RopeType.YarnRevised, null), ("`llama3`", RopeType.Llama3, null),
            ("`longrope`, one list", RopeType.LongRope, null), ("`longrope`, two lists", RopeType.LongRope, TwoLists),
        ];
        string Cell(IReadOnlyList<ExportRoute> routes)
        {
            string how = routes[Transformers4].How;
            string release = how.IndexOf(" or later", StringComparison.Ordinal) is var end and > 0
                ? how[(how.LastIndexOf('(', end) + 1)..end] : "4";
            string programs = string.Join(' ',
                routes.Zip([release, "5", "V", "G", "M"]).Where(pair => pair.First.Possible).Select(pair => pair.Second));
            return programs == "" ? "-" : programs;
        }
        string[] table =
        [
            $"| family | {string.Join(" | ", columns.Select(column => column.Head))} |",
            $"| --- |{string.Concat(columns.Select(_ => " --- |"))}",
            .. TinyConfig.Families.Select(family =>
                $"| `{family}` | {string.Join(" | ", columns.Select(column => Cell(Routes(family, column.Type, column.Change))))} |"),
        ];
        string expected = string.Join('\n', table);
        string docs = File.ReadAllText(Path.Combine(HouseRulesTests.Root(), "docs", "rope-scaling.md")).ReplaceLineEndings("\n");
        Assert.True(docs.Contains(expected, StringComparison.Ordinal), $"docs/rope-scaling.md lacks this table:\n{expected}");
        Assert.Contains(ExportRoutes.Evidence, docs.Replace("\n", " ", StringComparison.Ordinal), StringComparison.Ordinal);
    }
}
