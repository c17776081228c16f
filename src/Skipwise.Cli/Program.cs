using System.Globalization;
using Skipwise.Cli;

// Numbers are read and written the same way on every machine.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

return await CommandLine.RunAsync(args, Terminal.OfProcess());
