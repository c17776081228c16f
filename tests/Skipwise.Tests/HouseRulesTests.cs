using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Skipwise.Runtime;

namespace Skipwise.Tests;

/// <summary>Rules of the house: here those that are read from the sources.</summary>
public partial class HouseRulesTests
{
    private const int LineLimit = 140;

    /// <summary>
    /// A file Name.cs declares the type Name, and Name.Part.cs a part of it, in the namespace of its folder. Beside it stand enums and
    /// delegates alone; in Recipes records too, the options and the result of the story.
    /// </summary>
    [Fact]
    public void A_file_holds_the_type_that_it_is_named_after()
    {
        foreach (string file in FilesOf("").Where(file => Path.GetFileName(file) != "Program.cs"))
        {
            var root = (CompilationUnitSyntax)CSharpSyntaxTree.ParseText(File.ReadAllText(file)).GetRoot();
            BaseNamespaceDeclarationSyntax space = Assert.Single(root.Members.OfType<BaseNamespaceDeclarationSyntax>());
            string folder = Path.GetDirectoryName(Path.GetRelativePath(Sources(""), file))!;
            Assert.Equal(folder.Replace(Path.DirectorySeparatorChar, '.'), space.Name.ToString());
            string name = Path.GetFileName(file).Split('.')[0];
            MemberDeclarationSyntax[] others =
                [.. space.Members.Where(type => (type as BaseTypeDeclarationSyntax)?.Identifier.Text != name)];
            Assert.True(others.Length < space.Members.Count, $"{file} has no type {name}");
            Assert.All(others, type => Assert.True(
                type is EnumDeclarationSyntax or DelegateDeclarationSyntax
                    || (type is RecordDeclarationSyntax && folder == Path.Combine("Skipwise", "Recipes")),
                $"{file} has another type: give it a file of its own"));
        }
    }

    [Fact]
    public void Lines_are_short() =>
        Assert.Empty(
            FilesOf("").SelectMany(file => File.ReadLines(file)
                .Select((line, i) => (line.Length, Place: $"{Path.GetFileName(file)}:{i + 1}")))
                .Where(line => line.Length > LineLimit).Select(line => line.Place));

    /// <summary>A tensor made on the wrong device is found on a GPU alone, or by this.</summary>
    [Fact]
    public void Tensors_are_made_where_someone_says()
    {
        string[] rooms = ["Kernels", "Models", "Data", "Training", "Inference", "Evaluation"];
        foreach (string file in rooms.SelectMany(room => FilesOf(Path.Combine("Skipwise", room))))
        {
            string source = File.ReadAllText(file);
            foreach (Match factory in Factory().Matches(source))
            {
                if (source[..factory.Index].EndsWith("HostToDevice.Copy(", StringComparison.Ordinal))
                {
                    continue;
                }
                int depth = 0, end = factory.Index + factory.Length - 1;
                do
                {
                    depth += source[end] switch { '(' => 1, ')' => -1, _ => 0 };
                }
                while (depth > 0 && ++end < source.Length);
                Assert.Matches(@"[dD]evice|CPU", source[factory.Index..end]);
            }
        }
    }

    /// <summary>
    /// A training step waits for the device once, where it reads loss and norm; our own kernels read memory of the CPU alone, and
    /// CausalLM the largest position where a user gives no length.
    /// </summary>
    [Fact]
    public void The_host_reads_from_the_device_in_few_places() =>
        Assert.Equal(
            [
                "CausalLM.cs", "DataParallel.cs", "FiniteCheck.cs", "ModelFingerprint.cs", "Optimizer.cs", "TensorPointers.cs",
                "TokenEmbedding.cs", "TrainLoop.cs",
            ],
            ((string[])["Kernels", "Models", "Data", "Training"]).SelectMany(room => FilesOf(Path.Combine("Skipwise", room)))
            .Where(file => Reading().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    /// <summary>Who computes is chosen in one place: nobody outside of Kernels knows which sets there are, or asks for one by
    /// name.</summary>
    [Fact]
    public void Kernels_are_chosen_in_one_place() =>
        Assert.All(
            FilesOf("").Where(file => !file.Contains(Path.Combine("Skipwise", "Kernels"), StringComparison.Ordinal)),
            file => Assert.DoesNotMatch(KernelChoice(), File.ReadAllText(file)));

    /// <summary>Type, device, order and lifetime of a tensor are checked where its memory is touched, and nowhere else is it.</summary>
    [Fact]
    public void Pointers_into_tensors_come_from_one_place() =>
        Assert.Equal(
            ["TensorPointers.cs"],
            FilesOf("").Where(file => TensorMemory().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName));

    /// <summary>Whoever opens a pipe waits, and a device has no end: one place looks before it opens.</summary>
    [Fact]
    public void Files_are_opened_for_reading_through_one_door()
    {
        // all but the first read the machine's own files
        string[] system = ["InputFile.cs", "LargePages.cs", "NativeImage.cs", "ProcessMemory.cs", "RankHosts.cs"];
        foreach (string file in FilesOf("Skipwise").Concat(FilesOf("Skipwise.Cli")).Where(file => !system.Contains(Path.GetFileName(file))))
        {
            Match found = Opening().Match(File.ReadAllText(file));
            Assert.False(found.Success, $"{Path.GetFileName(file)} has {found.Value}...: read through Storage/InputFile");
        }
    }

    /// <summary>libtorch's number of threads is the whole process's, and it splits sums by it: whoever changes it runs alone, or a test
    /// beside it finds other last bits. The first files set the only number that the others see.</summary>
    [Fact]
    public void Tests_that_change_the_number_of_threads_run_alone()
    {
        string[] first = ["TestRuntime.cs", "HostProcess.cs", "HouseRulesTests.cs"];
        IEnumerable<string> changing = Directory
            .EnumerateFiles(Path.Combine(Root(), "tests", "Skipwise.Tests"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !first.Contains(Path.GetFileName(file)))
            .Where(file => File.ReadAllText(file).Contains("set_num_threads(", StringComparison.Ordinal));
        Assert.NotEmpty(changing);
        Assert.All(changing, file => Assert.Contains("[Collection(nameof(AloneInTheProcess))]", File.ReadAllText(file)));
    }

    private static IEnumerable<string> FilesOf(string folder) =>
        Directory.EnumerateFiles(Sources(folder), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal));

    internal static string Sources(string folder) => Path.Combine(Root(), "src", folder);

    /// <summary>The repository's folder.</summary>
    internal static string Root()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Skipwise.slnx")))
        {
            root = Path.GetDirectoryName(root);
        }
        Assert.NotNull(root);
        return root;
    }

    [GeneratedRegex(@"(?<![\w.])(tensor|zeros|ones|arange|empty|full|rand|randn|eye|linspace)\(")]
    private static partial Regex Factory();

    [GeneratedRegex(@"\.To(Double|Single|Int32|Int64|Boolean)\(\)|\.item<|\.cpu\(\)|nonzero\(|\.data<|\.bytes")]
    private static partial Regex Reading();

    [GeneratedRegex(@"KernelSet\.(?!For\b)\w+|\b(Reference|Torch|Cpu)Kernels\b|\bAvx(2Adam|512[GKO])\w+")]
    private static partial Regex KernelChoice();

    [GeneratedRegex(@"\.bytes\b|data_ptr|DangerousGetHandle|\.storage\(")]
    private static partial Regex TensorMemory();

    [GeneratedRegex(
        @"(?<![\w.])(System\.IO\.)?File\.(Read\w+|Open\w*)\(|new FileStream\([^;]*FileMode\.Open,|new StreamReader\((path|file)")]
    private static partial Regex Opening();
}
