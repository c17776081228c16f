using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Runs;
using Skipwise.Tests.Cli;

namespace Skipwise.Tests;

/// <summary>What the library writes does not depend on the country that its host believes to be in.</summary>
public sealed class CultureTests(SmallModel model) : IClassFixture<SmallModel>
{
    // German writes 1.5 as "1,5"; in Turkish the small letter of I is another one.
    [Fact]
    public void A_run_and_a_report_are_the_same_bytes_in_every_culture()
    {
        Dictionary<string, string> expected = Written(CultureInfo.InvariantCulture);
        Assert.Contains("all/report.html", expected.Keys);
        Assert.Contains("run/config.json", expected.Keys);
        foreach (string name in (string[])["de-DE", "tr-TR"])
        {
            var culture = CultureInfo.GetCultureInfo(name);
            Assert.Equal("1,5", 1.5.ToString(culture));
            Dictionary<string, string> found = Written(culture);
            Assert.Equal(expected.Keys.Order(), found.Keys.Order());
            Assert.All(expected, file => Assert.Equal(file.Value, found[file.Key]));
        }
    }

    [Fact]
    public void An_error_names_numbers_as_they_are_typed()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
        try
        {
            var rope = new Skipwise.Rope.RopeOptions { Type = Skipwise.Rope.RopeType.Linear, Factor = 0.5 };
            Assert.Contains("is 0.5: must", Assert.Throws<SkipwiseException>(() => Skipwise.Rope.RopeFrequency.Validate(rope, 8)).Message);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    /// <summary>
    /// CA1305 does not see interpolated strings. A hole of a fraction or a date has to stand in one that is given a culture:
    /// FormattableString.Invariant($"...") or string.Create(CultureInfo.InvariantCulture, $"...").
    /// </summary>
    [Fact]
    public void No_number_is_printed_by_the_culture_of_the_host()
    {
        CSharpCompilation library = Compiled(HouseRulesTests.Sources("Skipwise"));
        Assert.Empty(library.SyntaxTrees.SelectMany(file => Faults(file, library.GetSemanticModel(file))));

        CSharpCompilation sample = CSharpCompilation.Create("sample", [CSharpSyntaxTree.ParseText("""
            class C { string A(double x) => $"{x}"; string B(float? x) => "a" + x; string D(int x) => $"{x:N0}"; string E(int x) => $"{x}";
            string F(double x) => System.FormattableString.Invariant($"{x}"); string G(double[] x) => string.Join(" ", x); }
            """)], References());
        Assert.Equal(["x", "x", "x:N0", "x"], sample.SyntaxTrees.SelectMany(file => Faults(file, sample.GetSemanticModel(file)))
            .Select(fault => fault[(fault.LastIndexOf(' ') + 1)..]));
    }

    private static IEnumerable<string> Faults(SyntaxTree file, SemanticModel types)
    {
        foreach (SyntaxNode node in file.GetRoot().DescendantNodes())
        {
            string? printed = node switch
            {
                InterpolationSyntax hole when IsByCulture(hole, types) && IsString(Whole(hole), types) =>
                    $"{hole.Expression}{hole.FormatClause}",
                BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } sum when IsString(sum, types) =>
                    ((ExpressionSyntax[])[sum.Left, sum.Right]).FirstOrDefault(part =>
                        IsFraction(types.GetTypeInfo(part).Type))?.ToString(),
                InvocationExpressionSyntax { Expression: MemberAccessExpressionSyntax { Name.Identifier.Text: "Join" or "Append" } } call =>
                    call.ArgumentList.Arguments.FirstOrDefault(argument =>
                        IsFractions(types.GetTypeInfo(argument.Expression).Type))?.ToString(),
                _ => null,
            };
            if (printed is not null)
            {
                yield return $"{Path.GetFileName(file.FilePath)}, line {file.GetLineSpan(node.Span).StartLinePosition.Line + 1}: {printed}";
            }
        }
    }

    private static bool IsByCulture(InterpolationSyntax hole, SemanticModel types) =>
        IsFraction(types.GetTypeInfo(hole.Expression).Type) || hole.FormatClause?.FormatStringToken.ValueText is ['N' or 'P' or 'C', ..];

    /// <summary>Interpolated strings that are added up become what their sum becomes.</summary>
    private static ExpressionSyntax Whole(InterpolationSyntax hole)
    {
        var whole = (ExpressionSyntax)hole.Parent!;
        while (whole.Parent is BinaryExpressionSyntax { RawKind: (int)SyntaxKind.AddExpression } sum)
        {
            whole = sum;
        }
        return whole;
    }

    private static bool IsString(ExpressionSyntax text, SemanticModel types) =>
        types.GetTypeInfo(text).ConvertedType is { SpecialType: SpecialType.System_String or SpecialType.System_Object };

    private static bool IsFraction(ITypeSymbol? type)
    {
        ITypeSymbol? own = type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } optional
            ? optional.TypeArguments[0] : type;
        return own is { SpecialType: SpecialType.System_Double or SpecialType.System_Single or SpecialType.System_Decimal }
            or { ContainingNamespace.Name: "System", Name: "DateTime" or "DateTimeOffset" or "TimeSpan" or "Half" };
    }

    private static bool IsFractions(ITypeSymbol? type) => IsFraction(type) || type switch
    {
        IArrayTypeSymbol list => IsFraction(list.ElementType),
        INamedTypeSymbol { TypeArguments: [var element] } => IsFraction(element),
        _ => false,
    };

    private static CSharpCompilation Compiled(string folder)
    {
        const string usings = "global using System; global using System.IO; global using System.Linq; global using " +
            "System.Collections.Generic; " +
            "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";
        IEnumerable<SyntaxTree> files = Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), path: file));
        var options = new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true,
            nullableContextOptions: NullableContextOptions.Enable);
        CSharpCompilation compiled = CSharpCompilation.Create("library", [CSharpSyntaxTree.ParseText(usings), .. files], References(),
            options);
        // a partial method's other part is what a generator would write
        Assert.Empty(compiled.GetDiagnostics().Where(fault => fault.Severity == DiagnosticSeverity.Error && fault.Id != "CS8795").Take(3));
        return compiled;
    }

    private static IEnumerable<MetadataReference> References() =>
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            // nor the tests' oracle, whose namespace has the name of a class of the library
            .Where(path => !Path.GetFileName(path).StartsWith("Skipwise", StringComparison.OrdinalIgnoreCase)
                && !Path.GetFileName(path).StartsWith("Tokenizers", StringComparison.Ordinal))
            .Select(path => MetadataReference.CreateFromFile(path));

    /// <summary>The files of a small run and of a comparison, by their names; without how long steps took.</summary>
    private Dictionary<string, string> Written(CultureInfo culture)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        string folder = model.Path("written"), run = Path.Combine(folder, "run");
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
        CultureInfo.CurrentCulture = culture;
        try
        {
            FineTune.Run(new()
            {
                Model = model.Folder,
                Data = new() { Paths = [model.Text] },
                Out = run,
                TargetLength = 160,
                Rope = new() { Type = Skipwise.Rope.RopeType.Linear },
                Lora = new() { Rank = 2, Alpha = 2.5 },
                Training = new() { Steps = 2, BatchSize = 2, LearningRate = 1.5e-3 },
            }, new SaveOptions());
            EvaluateAll.Run(new()
            {
                Models = [new(model.Folder), new(model.Folder, new() { Type = Skipwise.Rope.RopeType.Linear, Factor = 1.5 }, Adapter: run)],
                Out = Path.Combine(folder, "all"),
                Data = new() { Paths = [model.Text] },
                Lengths = [64, 128],
                Perplexity = new PerplexityOptions { Windows = [], PositionBins = 3 },
                Passkey = new() { Lengths = [], Grid = 3, Trials = 1 },
                Needle = null,
                Gates = new() { MaxShortPplIncrease = 0.5 },
            }, new());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
        return Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(path => Path.GetFileName(path) != "metrics.jsonl")
            .ToDictionary(path => Path.GetRelativePath(folder, path).Replace('\\', '/'), path =>
                Path.GetExtension(path) is ".png" or ".tokens" or ".safetensors"
                ? Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path))) : File.ReadAllText(path));
    }
}
