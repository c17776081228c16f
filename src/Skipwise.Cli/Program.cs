using System.Globalization;
using Skipwise.Cli;
using Skipwise.Cli.Display;

// Numbers are read and written the same way on every machine.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

return await CommandLine.RunAsync(args, Screen.Console(), Console.In);
