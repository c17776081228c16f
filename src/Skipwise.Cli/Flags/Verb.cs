using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Runtime;

namespace Skipwise.Cli.Flags;

/// <summary>One verb of the command: its options, examples that its help ends with, and what it does.</summary>
internal sealed class Verb : Command
{
    private readonly Option<bool> _quiet = new("--quiet", "-q")
    {
        Description = "no progress and no notes: only results, warnings and errors",
        Arity = ArgumentArity.Zero,
    };
    private readonly HashSet<string> _momentary = [];

    /// <param name="examples">command lines that a user can adapt, one per line; a line with # explains</param>
    public Verb(string name, string description, string examples) : base(name, description)
    {
        Examples = [.. examples.Split('\n').Select(line => line.TrimEnd('\r'))];
        Options.Add(_quiet);
    }

    public IReadOnlyList<string> Examples { get; }

    /// <summary>A verb about the program itself has nothing to configure.</summary>
    public bool TakesConfig { get; init; } = true;

    /// <summary>Whether the ranks that mpirun or srun start work together; otherwise rank 0 works alone.</summary>
    public bool RunsOnSeveralRanks { get; init; }

    /// <summary>What --json writes; null when the verb has no such option.</summary>
    public Type? ResultType { get; set; }

    /// <summary>The file that options can be read from; null when the verb takes none.</summary>
    public Option<string>? ConfigOption { get; private set; }

    /// <summary>The options that such a file can hold.</summary>
    public IEnumerable<Option> Settings =>
        Options.Where(option => option is ISetting && option != ConfigOption && !_momentary.Contains(option.Name));

    /// <summary>"eval passkey": with the groups above it, as a user types it.</summary>
    public string Path =>
        string.Join(' ', Parents.OfType<Command>().Where(parent => parent is not RootCommand).Select(parent => parent.Name).Append(Name));

    /// <summary>Another verb, whose results this one shows: their texts name its options.</summary>
    public Verb? Shows { get; init; }

    /// <summary>Adds --config.</summary>
    /// <param name="momentary">options that belong to one call and not to a file</param>
    public void AddConfigOption(params string[] momentary)
    {
        ConfigOption =
            this.Add("--config", "file",
                "YAML file with options, by their names without the leading hyphens; options of the command line override it",
                text => text);
        _momentary.UnionWith(momentary);
    }

    /// <summary>Runs on a thread of its own: only then can Ctrl+C reach the token while the verb works.</summary>
    public void OnRun(Screen screen, Func<ParseResult, CancellationToken, int> run)
    {
        if (ConfigOption is null && TakesConfig)
        {
            AddConfigOption();
        }
        SetAction((parse, stop) => Task.Run(() => Run(screen, run, parse, stop), CancellationToken.None));
    }

    private int Run(Screen screen, Func<ParseResult, CancellationToken, int> run, ParseResult parse, CancellationToken stop)
    {
        if (screen.Ranks is { AreSeveral: true, IsFirst: false } && !RunsOnSeveralRanks)
        {
            return ExitCode.Success;
        }
        try
        {
            screen.IsQuiet = parse.GetValue(_quiet);
            screen.IsForPrograms = Options.FirstOrDefault(option => option.Name == "--json") is { } json
                && parse.GetResult(json) is { Implicit: false, Tokens.Count: 0 };
            if (screen.Ranks.AreSeveral && !RunsOnSeveralRanks)
            {
                screen.Ranks.TellAlone(screen, Path);
            }
            int code = run(parse, stop);
            screen.Ranks.End();
            return code;
        }
        catch (Exception e)
        {
            return screen.Ranks.Fail(screen, e, Options.FirstOrDefault(option => option.Name == "--out") is Option<string> folder
                ? parse.GetValue(folder)
                : null, stop);
        }
    }

    /// <summary>As <see cref="OnRun"/>, for a verb that computes: libtorch is made ready first, with an option for its threads.</summary>
    public void OnRunWithTorch(Screen screen, Func<ParseResult, CancellationToken, int> run)
    {
        Flag<int?> threads = this.OptionalInteger("--threads", "cores to compute on [default: all]");
        OnRun(screen, (parse, stop) =>
        {
            TorchRuntime.Initialize(TorchRuntimeOptions.All);
            if (threads.ValueOf(parse) is { } count)
            {
                TorchThreads.SetCount(count, threads.Name);
            }
            screen.Ranks.ChooseThreads = !threads.IsSpecified(parse) && !TorchThreads.AreGiven;
            return run(parse, stop);
        });
    }
}
