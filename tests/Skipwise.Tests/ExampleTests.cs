using System.Reflection;
using System.Xml.Linq;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Skipwise.Recipes;

namespace Skipwise.Tests;

/// <summary>
/// The examples of the docstrings are programs: they compile with the usings that a new project has, the namespace of what they are an
/// example of, and those that they state themselves. Examples that need no file also run.
/// </summary>
public sealed class ExampleTests
{
    private const string ProjectUsings = "global using System; global using System.Collections.Generic; global using System.IO; " +
        "global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";
    private static readonly string[] s_runnable =
        ["T:Skipwise.Positions.", "T:Skipwise.Rope.", "T:Skipwise.Models.CausalLM", "T:Skipwise.Models.KvCache"];
    private static readonly Assembly s_library = typeof(LanguageModel).Assembly;
    private static readonly Dictionary<string, string> s_examples = XDocument.Load(Path.ChangeExtension(s_library.Location, ".xml"))
        .Descendants("member").Where(member => member.Element("example") is not null)
        .ToDictionary(member => (string)member.Attribute("name")!, member => string.Join('\n', member.Element("example")!
            .Elements("code").Select(code => code.Value)));
    private static readonly CSharpCompilation s_empty = CSharpCompilation.Create("example", [CSharpSyntaxTree.ParseText(ProjectUsings)],
        ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => !Path.GetFileName(path).StartsWith("Tokenizers", StringComparison.Ordinal)) // the tests' oracle
            .Select(path => MetadataReference.CreateFromFile(path)),
        new CSharpCompilationOptions(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable));

    public static TheoryData<string> Members => [.. s_examples.Keys.Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Members))]
    public void An_example_compiles_and_runs_if_it_needs_no_file(string member)
    {
        CSharpCompilation program = Program($"using {NamespaceOf(member)};\n{s_examples[member]}");
        Assert.Empty(Faults(program));
        if (s_runnable.Any(start => member.StartsWith(start, StringComparison.Ordinal)))
        {
            using var file = new MemoryStream();
            Assert.True(program.Emit(file, cancellationToken: TestContext.Current.CancellationToken).Success);
            MethodInfo main = Assembly.Load(file.ToArray()).EntryPoint!;
            main.Invoke(null, main.GetParameters().Length == 0 ? null : [Array.Empty<string>()]);
        }
    }

    [Fact]
    public void What_a_program_calls_first_has_an_example()
    {
        IEnumerable<MethodInfo> recipes = s_library.GetExportedTypes().Where(type => type.Namespace is "Skipwise.Recipes")
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static)).Where(method => method.Name == "Run");
        IEnumerable<MethodInfo> model = typeof(LanguageModel)
            .GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(method => !method.IsSpecialName && method.Name != nameof(IDisposable.Dispose));
        string[] wanted = [.. recipes.Concat(model).Select(method => $"M:{method.DeclaringType!.FullName}.{method.Name}(").Distinct()];
        Assert.Contains("M:Skipwise.Recipes.FineTune.Run(", wanted);
        Assert.Contains("M:Skipwise.Recipes.LanguageModel.GenerateAsync(", wanted);
        Assert.All(wanted, method => Assert.Contains(s_examples.Keys, key => key.StartsWith(method, StringComparison.Ordinal)));
    }

    [Fact]
    public void An_example_that_has_gone_stale_is_noticed()
    {
        Assert.Empty(Faults(Program("using Skipwise.Recipes;\nusing LanguageModel model = LanguageModel.Load(\"folder\");")));
        Assert.NotEmpty(Faults(Program("using LanguageModel model = LanguageModel.Load(\"folder\");")));
        Assert.NotEmpty(Faults(Program("using Skipwise.Recipes;\nLanguageModel.Load(\"folder\", depth: 3);")));
    }

    private static CSharpCompilation Program(string text) => s_empty.AddSyntaxTrees(CSharpSyntaxTree.ParseText(text));

    private static IEnumerable<Diagnostic> Faults(CSharpCompilation program) =>
        program.GetDiagnostics().Where(fault => fault.Severity == DiagnosticSeverity.Error);

    private static string NamespaceOf(string member) => s_library.GetExportedTypes()
        .Where(type => (member[2..] + '.').StartsWith($"{type.FullName}.", StringComparison.Ordinal)).MaxBy(type => type.FullName!.Length)!
        .Namespace!;
}
