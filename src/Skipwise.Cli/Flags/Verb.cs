using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Runtime;

namespace Skipwise.Cli.Flags;

/// <summary>One verb of the command: its options, an example that its help ends with, and what it does.</summary>
internal sealed class Verb(string name, string description, string example) : Command(name, description)
{
    /// <summary>A command line that a user can adapt.</summary>
    public string Example { get; } = example;

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

    private readonly HashSet<string> _momentary = [];

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
    public void OnRun(Screen screen, Func<ParseResult, CancellationToken, int> run) => SetAction((parse, stop) => Task.Run(() =>
    {
        try
        {
            return run(parse, stop);
        }
        catch (Exception e)
        {
            return Failure.Tell(screen, e);
        }
    }, CancellationToken.None));

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
            return run(parse, stop);
        });
    }
}
