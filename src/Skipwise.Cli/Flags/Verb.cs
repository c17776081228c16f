using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Runtime;

namespace Skipwise.Cli.Flags;

/// <summary>One verb of the command: its options, an example that its help ends with, and what it does.</summary>
internal sealed class Verb(string name, string description, string example) : Command(name, description)
{
    /// <summary>A command line that a user can adapt.</summary>
    public string Example { get; } = example;

    /// <summary>Runs on a thread of its own: only then can Ctrl+C reach the token while the verb works.</summary>
    public void Does(Screen screen, Func<ParseResult, CancellationToken, int> run) => SetAction((parse, stop) => Task.Run(() =>
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

    /// <summary>As <see cref="Does"/>, for a verb that computes: libtorch is made ready first, with an option for its threads.</summary>
    public void Computes(Screen screen, Func<ParseResult, CancellationToken, int> run)
    {
        Flag<int?> threads = this.OptionalInteger("--threads", "cores to compute on [default: all]");
        Does(screen, (parse, stop) =>
        {
            TorchBoot.Ensure();
            if (threads.Of(parse) is { } count)
            {
                TorchThreads.Use(count);
            }
            return run(parse, stop);
        });
    }
}
