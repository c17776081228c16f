using System.Globalization;
using Skipwise.Cli;
using Skipwise.Cli.Display;
using Skipwise.Storage;

// Numbers are read and written the same way on every machine.
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;

// Console.In would replace bytes that are not UTF-8 without a word.
return await CommandLine.RunAsync(args, Screen.Console(), TextFile.Reader(Console.OpenStandardInput(), "the standard input"));
