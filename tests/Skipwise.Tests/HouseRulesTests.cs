using System.Text.RegularExpressions;

namespace Skipwise.Tests;

/// <summary>The doors between the rooms, as docs/architecture.md draws them, held against the sources' own using lines.</summary>
public partial class HouseRulesTests
{
    // room -> rooms that it may use
    private static readonly Dictionary<string, string[]> s_doors = new()
    {
        ["Numerics"] = [],
        ["Storage"] = [],
        ["Runtime"] = [],
        ["Documents"] = ["Storage"],
        ["Tokenizers"] = ["Storage"],
        ["TokenStores"] = ["Documents", "Storage", "Tokenizers"],
        ["Synthetic"] = ["Numerics", "Tokenizers", "TokenStores"],
        ["Positions"] = ["Numerics"],
        ["Rope"] = [],
        ["Kernels"] = ["Numerics", "Rope"],
        ["Models"] = ["Kernels", "Numerics", "Rope", "Runtime"],
        ["Data"] = ["Numerics", "Runtime", "Positions", "Documents", "Tokenizers", "TokenStores"],
        ["Training"] = ["Rope", "Kernels", "Models", "Data"],
        ["Checkpoints"] = ["Numerics", "Storage", "Rope", "Models"],
        ["Inference"] = ["Numerics", "Models"],
        ["Evaluation"] =
            ["Documents", "Inference", "Models", "Numerics", "Storage", "Synthetic", "TokenStores", "Tokenizers"],
        ["Runs"] =
        [
            "Checkpoints", "Data", "Documents", "Evaluation", "Models", "Storage", "TokenStores", "Tokenizers", "Training",
        ],
        ["Estimation"] = ["Numerics", "Runtime", "Kernels", "Models", "Data", "Training", "Checkpoints"],
        ["Reports"] = ["Numerics", "Storage", "Evaluation"],
        ["Recipes"] =
        [
            "Numerics", "Storage", "Runtime", "Documents", "Tokenizers", "TokenStores", "Synthetic", "Positions", "Rope", "Models", "Data",
            "Training", "Checkpoints", "Inference", "Evaluation", "Runs", "Reports",
        ],
    };

    private static readonly string[] s_withoutTorch =
        ["Numerics", "Storage", "Documents", "Tokenizers", "TokenStores", "Synthetic", "Positions", "Rope", "Reports"];

    public static TheoryData<string> Rooms => [.. s_doors.Keys];

    [Fact]
    public void Every_room_is_on_the_plan() =>
        Assert.Equal(s_doors.Keys.Order(), Directory.EnumerateDirectories(Sources("Skipwise")).Select(Path.GetFileName).Where(name => name is not ("bin" or "obj")).Order());

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_uses_only_the_doors_it_has(string room)
    {
        foreach (string file in FilesOf(Path.Combine("Skipwise", room)))
        {
            foreach (string used in RoomsUsed(File.ReadAllText(file)).Where(used => used != room))
            {
                Assert.True(s_doors[room].Contains(used), $"{Path.GetFileName(file)} in {room} uses {used}");
            }
        }
    }

    [Fact]
    public void Torch_stays_in_its_rooms()
    {
        foreach (string file in s_withoutTorch.SelectMany(room => FilesOf(Path.Combine("Skipwise", room))).Concat(FilesOf("Skipwise.Cli")))
        {
            Assert.DoesNotContain("using TorchSharp", File.ReadAllText(file), StringComparison.Ordinal);
            Assert.DoesNotContain("using static TorchSharp", File.ReadAllText(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Randomness_is_keyed() =>
        Assert.All(FilesOf("Skipwise"), file => Assert.DoesNotMatch(@"new Random\(|Random\.Shared", File.ReadAllText(file)));

    /// <summary>A tensor made on the wrong device is found on a GPU alone, or by this.</summary>
    [Fact]
    public void Tensors_are_made_where_someone_says()
    {
        foreach (string file in ((string[])["Kernels", "Models", "Data", "Training", "Inference", "Evaluation"]).SelectMany(room => FilesOf(Path.Combine("Skipwise", room))))
        {
            string source = File.ReadAllText(file);
            foreach (Match factory in Factory().Matches(source).Where(match => !source[..match.Index].EndsWith("HostToDevice.Copy(", StringComparison.Ordinal)))
            {
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
                "CausalLM.cs", "FiniteCheck.cs", "ModelFingerprint.cs", "Optimizer.cs", "TensorPointer.cs", "TokenEmbedding.cs",
                "TrainLoop.cs",
            ],
            ((string[])["Kernels", "Models", "Data", "Training"]).SelectMany(room => FilesOf(Path.Combine("Skipwise", room)))
            .Where(file => Reading().IsMatch(File.ReadAllText(file))).Select(Path.GetFileName).Order(StringComparer.Ordinal));

    [Fact]
    public void The_library_never_writes_to_the_console() =>
        Assert.All(FilesOf("Skipwise"), file => Assert.DoesNotMatch(@"\bConsole\.(Write|Error|Out)", File.ReadAllText(file)));

    /// <summary>Whoever opens a pipe waits, and a device has no end: one place looks before it opens.</summary>
    [Fact]
    public void Files_are_opened_for_reading_through_one_door()
    {
        // the latter read the machine's own files
        string[] system = ["InputFile.cs", "NativeImage.cs", "ProcessMemory.cs", "StealTime.cs"];
        foreach (string file in FilesOf("Skipwise").Concat(FilesOf("Skipwise.Cli")).Where(file => !system.Contains(Path.GetFileName(file))))
        {
            Match found = Opening().Match(File.ReadAllText(file));
            Assert.False(found.Success, $"{Path.GetFileName(file)} has {found.Value}...: read through Storage/InputFile");
        }
    }

    private static IEnumerable<string> RoomsUsed(string source) =>
        UsingLine().Matches(source).Select(match => match.Groups[1].Value).Distinct();

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

    [GeneratedRegex(
        @"(?<![\w.])(System\.IO\.)?File\.(Read\w+|Open\w*)\(|new FileStream\([^;]*FileMode\.Open,|new StreamReader\((path|file)")]
    private static partial Regex Opening();

    [GeneratedRegex(@"^using Skipwise\.(\w+)", RegexOptions.Multiline)]
    private static partial Regex UsingLine();
}
