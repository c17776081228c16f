using System.Text.RegularExpressions;
using ArchUnitNET.Domain;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnitV3;
using Skipwise.Cli;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace Skipwise.Tests;

/// <summary>
/// Rooms and the doors between them: the table of docs/architecture.md, held against the compiled assembly. What leaves no
/// trace there (nameof, constants, references in comments), or is caught and nothing else, is no door.
/// </summary>
public partial class HouseRulesTests
{
    private const string Torch = "TorchSharp";

    // reading the assembly takes seconds
    private static readonly Lazy<Architecture> s_architecture =
        new(() => new ArchLoader().LoadAssembly(typeof(SkipwiseException).Assembly).Build());

    private static readonly Lazy<Room[]> s_rooms = new(ReadRooms);

    public static TheoryData<string> Rooms => [.. s_rooms.Value.Select(room => room.Name)];

    [Fact]
    public void Every_room_is_on_the_page() =>
        Assert.Equal(
            Directory.EnumerateDirectories(Sources("Skipwise")).Select(Path.GetFileName)
                .Where(name => name is not ("bin" or "obj")).Order(),
            s_rooms.Value.Select(room => room.Name).Order());

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_has_doors_to_rooms_above_it_on_the_page_alone(string room) =>
        Assert.Subset(
            s_rooms.Value.Select(other => other.Name).TakeWhile(name => name != room).ToHashSet(), RoomOf(room).Doors.ToHashSet());

    [Theory]
    [MemberData(nameof(Rooms))]
    public void A_room_uses_only_the_doors_it_has(string room)
    {
        string[] closed = [.. s_rooms.Value.Select(other => other.Name).Except([room, .. RoomOf(room).Doors])];
        Types().That().ResideInNamespaceMatching(Namespace(room)).Should()
            .NotDependOnAny(Types().That().ResideInNamespaceMatching(Namespace(closed)))
            .Because("docs/architecture.md has no such door")
            .Check(s_architecture.Value);
    }

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Every_door_is_used(string room) =>
        Assert.Empty(RoomOf(room).Doors.Except(UsedBy(room).Select(RoomName)));

    [Theory]
    [MemberData(nameof(Rooms))]
    public void Torch_stays_in_its_rooms(string room)
    {
        if (RoomOf(room).UsesTorch)
        {
            Assert.Contains(UsedBy(room), IsTorchs);
            return;
        }
        Types().That().ResideInNamespaceMatching(Namespace(room)).Should()
            .NotDependOnAny(Types(includeReferenced: true).That().ResideInNamespaceMatching($"^{Torch}"))
            .Because("docs/architecture.md says that the room does without torch")
            .Check(s_architecture.Value);
    }

    [Fact]
    public void The_tool_does_without_torch() =>
        Assert.DoesNotContain(Torch, typeof(CommandLine).Assembly.GetReferencedAssemblies().Select(assembly => assembly.Name));

    /// <summary>What stands outside of all rooms serves them all.</summary>
    [Fact]
    public void The_root_uses_no_room() =>
        Assert.DoesNotContain(
            s_architecture.Value.Types.Where(type => NamespaceParts(type) is [nameof(Skipwise)]).SelectMany(type => type.Dependencies),
            dependency => RoomName(dependency.Target) is not null || IsTorchs(dependency.Target));

    /// <summary>A family is data that a checkpoint is read by: what is computed afterwards does not ask for it.</summary>
    [Fact]
    public void No_forward_pass_knows_a_family() =>
        Types().That().ResideInNamespaceMatching(Namespace("Kernels", "Models", "Training", "Inference")).Should()
            .NotDependOnAny(Types().That().ResideInNamespaceMatching(Namespace("Checkpoints")))
            .Check(s_architecture.Value);

    /// <summary>The walks of the page: each file is entered once, from one before it.</summary>
    [Theory]
    [InlineData("One token", 20)]
    [InlineData("One training step", 20)]
    public void A_walk_has_no_turn_back(string heading, int least)
    {
        string[] files =
        [
            .. Page().SkipWhile(line => line != $"### {heading}").Skip(1).TakeWhile(line => !line.StartsWith('#'))
                .SelectMany(line => SourceName().Matches(line)).Select(match => match.Groups[1].Value),
        ];
        Assert.True(files.Length >= least, $"the page names {files.Length} files");
        Assert.Equal(files.Distinct(), files);
        var reached = new HashSet<string> { files[0] };
        foreach (string file in files)
        {
            Assert.True(reached.Contains(file), $"no file before {file} uses it");
            IType[] types = [.. s_architecture.Value.Types.Where(type => FileOf(type) == file)];
            Assert.True(types.Length > 0, $"there is no {file}");
            reached.UnionWith(types.SelectMany(type => type.Dependencies).Select(dependency => FileOf(dependency.Target)));
        }
    }

    /// <summary>The log is history, in which old names stay.</summary>
    [Fact]
    public void Files_that_the_documentation_names_are_there()
    {
        string[] pages = [.. Directory.GetFiles(Path.Combine(Root(), "docs"), "*.md"), .. Directory.GetFiles(Root(), "*.md")];
        string[] rooms = [.. s_rooms.Value.Select(room => room.Name)];
        (string Page, string File)[] named =
        [
            .. pages.Where(page => Path.GetFileName(page) is not ("log.md" or "CHANGELOG.md"))
                .SelectMany(page => SourceName().Matches(File.ReadAllText(page)).Select(match => (page, match.Groups[1].Value)))
                .Where(place => rooms.Contains(place.Value.Split('/')[0])),
        ];
        Assert.NotEmpty(named);
        Assert.All(named, place => Assert.True(
            File.Exists(Path.Combine(Sources("Skipwise"), place.File + ".cs"))
                || Directory.Exists(Path.Combine(Sources("Skipwise"), place.File)),
            $"{Path.GetFileName(place.Page)} names {place.File}"));
    }

    private static IEnumerable<IType> UsedBy(string room) =>
        s_architecture.Value.Types.Where(type => RoomName(type) == room).SelectMany(type => type.Dependencies)
            .Select(dependency => dependency.Target);

    private static bool IsTorchs(IType type) => NamespaceParts(type) is [Torch, ..];

    /// <summary>Null for what stands outside of all rooms.</summary>
    private static string? RoomName(IType type) =>
        NamespaceParts(type) is [nameof(Skipwise), var room, ..] ? room : null;

    // a generic parameter has no namespace
    private static string[] NamespaceParts(IType type) => type.Namespace?.FullName.Split('.') ?? [];

    /// <summary>Room/Name, as the page writes it: where the rules about files put the type, or the one that it is nested in.</summary>
    private static string FileOf(IType type) =>
        string.Join('/', type.FullName.Split('+', '`')[0].Split('.').Skip(1));

    private static string Namespace(params string[] rooms) => $@"^{nameof(Skipwise)}\.({string.Join('|', rooms)})(\.|$)";

    private static IEnumerable<string> Page() => File.ReadLines(Path.Combine(Root(), "docs", "architecture.md"));

    private static Room RoomOf(string name) => s_rooms.Value.Single(room => room.Name == name);

    /// <summary>Reads the table, whose rows are | `room` | may use | torch | what it holds |.</summary>
    private static Room[] ReadRooms() =>
    [
        .. Page().SkipWhile(line => !line.StartsWith("| room | may use | torch |", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
            .Select(cells => new Room(
                cells[1].Trim('`'),
                cells[2].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries),
                cells[3] switch { "yes" => true, "no" => false, var other => throw new InvalidDataException($"torch: {other}") })),
    ];

    [GeneratedRegex(@"`([A-Z]\w*(?:/[A-Z]\w*)+)(?:\.cs|/)?`")]
    private static partial Regex SourceName();

    private sealed record Room(string Name, string[] Doors, bool UsesTorch);
}
