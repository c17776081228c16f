using System.Globalization;
using Skipwise.Cli;
using Skipwise.Cli.Display;
using Skipwise.Distributed;
using Skipwise.Storage;

// Numbers are read and written the same way on every machine.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

var launcher = Launcher.Detect();
if (launcher.StartsSeveral)
{
    Environment.SetEnvironmentVariable("TERM", "dumb"); // a launcher may give its ranks a terminal, and forwards what .NET writes to it
}
using var interruption = new Interruption();
var ranks = new Ranks(launcher);
Screen screen = ranks.IsFirst ? Screen.Console() : Screen.Muted();
screen.Ranks = ranks;
screen.RunBegins = interruption.GiveTimeToSave;
// Console.In would replace bytes that are not UTF-8 without a word.
using TextReader input = TextFile.Reader(Console.OpenStandardInput(), "the standard input");
return await CommandLine.RunAsync(args, screen, input, interruption.Token);
