using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using Skipwise.Positions;

namespace Skipwise.Tests;

/// <summary>The library's texts name options by type and property, never by a flag of the command line.</summary>
public partial class OptionNameTests
{
    // Texts about other programs' flags, and one whole command line.
    private static readonly string[] s_others =
    [
        "--version 1", // export.py of llama2.c
        "--max-model-len", // vLLM
        "--rope-scaling ", "--yarn-orig-ctx ", "--rope-freq-base ", "--override-kv ", // llama.cpp
        "--normalization_rule_name=identity", // SentencePiece's trainer
        "skipwise train --model YOUR-MODEL-FOLDER ", // what the demo's report proposes to type
        " --out extended",
        "skipwise export --out model.gguf --model ", // what a model card proposes to type
        "mlx_lm.generate --prompt ",
    ];

    /// <summary>String literals of the compiled library; those of interpolated strings are in pieces.</summary>
    private static List<string> Literals
    {
        get
        {
            using var file = new PEReader(File.OpenRead(typeof(OptionName).Assembly.Location));
            MetadataReader metadata = file.GetMetadataReader();
            var literals = new List<string>();
            for (UserStringHandle handle = MetadataTokens.UserStringHandle(1); !handle.IsNil; handle = metadata.GetNextHandle(handle))
            {
                literals.Add(metadata.GetUserString(handle));
            }
            return literals;
        }
    }

    /// <summary>"PoseOptions.TargetLength" for each option that a text of the library names.</summary>
    internal static IReadOnlyList<string> Named =>
    [
        .. Literals.Select(literal => NameOf().Match(literal)).Where(name => name.Success).Select(name => name.Groups[1].Value).Distinct(),
    ];

    /// <summary>Public properties that a program can set, by <see cref="OptionName"/>; the command line alone calls the recipes whose
    /// options are internal.</summary>
    internal static HashSet<string> Settable =>
    [
        .. typeof(OptionName).Assembly.GetTypes().SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
            .Where(property => property.CanWrite).Select(OptionName.Of),
    ];

    [Fact]
    public void No_text_speaks_of_a_flag()
    {
        List<string> literals = Literals;
        Assert.True(literals.Count > 1000);
        Assert.DoesNotContain(literals, literal =>
            Flag().IsMatch(literal) && !s_others.Any(other => literal.Contains(other, StringComparison.Ordinal)));
        Assert.All(s_others, other => Assert.Contains(literals, literal => literal.Contains(other, StringComparison.Ordinal)));
    }

    [Fact]
    public void Every_named_option_is_a_property_that_a_program_can_set()
    {
        Assert.InRange(Named.Count, 50, 200);
        Assert.Empty(Named.Except(Settable));
    }

    [Fact]
    public void A_name_is_written_so_that_the_compiler_follows_it()
    {
        Assert.Equal("PoseOptions.TargetLength", OptionName.Of(nameof(PoseOptions.TargetLength)));
        Assert.Equal("PoseOptions.TargetLength", OptionName.Of(nameof(Skipwise.Positions.PoseOptions.TargetLength)));
        Assert.Throws<ArgumentException>(() => OptionName.Of("TargetLength"));
        string other = "TrainLength";
        Assert.Throws<ArgumentException>(() => OptionName.Of(other));
    }

    [Theory]
    [InlineData("PoseOptions.TargetLength 8 is too short. Raise PoseOptions.TargetLength.",
        "target length 8 is too short. Raise target length.")]
    [InlineData("(TrainOptions.GradientAccumulationSteps)", "(gradient accumulation steps)")]
    [InlineData("/data/PoseOptions.TrainLength: is damaged", "/data/PoseOptions.TrainLength: is damaged")]
    [InlineData("PoseOptions.TrainLength.bak and Other.Thing", "PoseOptions.TrainLength.bak and Other.Thing")]
    public void A_reader_without_the_program_is_told_in_words(string text, string words) => Assert.Equal(words, OptionName.InWords(text));

    [GeneratedRegex(@"^nameof\((\w+\.\w+)\)$")]
    private static partial Regex NameOf();

    [GeneratedRegex(@"(?<![\w-])--[a-z]")]
    private static partial Regex Flag();
}
