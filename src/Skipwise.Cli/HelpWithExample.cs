using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using Skipwise.Cli.Flags;

namespace Skipwise.Cli;

/// <summary>The library's help text, and below it the verb's example.</summary>
internal sealed class HelpWithExample(HelpAction help) : SynchronousCommandLineAction
{
    public static void Install(RootCommand root)
    {
        HelpOption option = root.Options.OfType<HelpOption>().Single();
        option.Action = new HelpWithExample((HelpAction)option.Action!);
    }

    public override int Invoke(ParseResult parseResult)
    {
        int code = help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is Verb verb)
        {
            TextWriter output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Example:");
            foreach (string line in verb.Example.Split('\n'))
            {
                output.WriteLine($"  {line.TrimEnd()}");
            }
            output.WriteLine();
        }
        return code;
    }
}
