using System.CommandLine;
using Skipwise.Cli.Flags;

namespace Skipwise.Tests.Cli;

/// <summary>The verbs of the command.</summary>
internal static class VerbList
{
    public static IReadOnlyList<Verb> All => [.. Find(Root)];

    public static RootCommand Root => Skipwise.Cli.CommandLine.Root(null!, TextReader.Null);

    public static Verb Named(string path) => All.Single(verb => verb.Path == path);

    private static IEnumerable<Verb> Find(Command command) =>
        command.Subcommands.SelectMany(Find).Concat(command is Verb verb ? [verb] : []);
}
