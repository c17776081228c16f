namespace Skipwise.Cli.Flags;

/// <summary>Letters for the most used options: one letter means one option, whatever the verb.</summary>
internal static class ShortNames
{
    private static readonly Dictionary<string, string> s_letters = new()
    {
        ["--model"] = "-m",
        ["--data"] = "-d",
        ["--out"] = "-o",
        ["--config"] = "-c",
        ["--quiet"] = "-q",
        ["--adapter"] = "-a",
        ["--json"] = "-j",
        ["--lengths"] = "-l",
        ["--prompt"] = "-p",
        ["--target-length"] = "-t",
    };

    /// <summary>null for most.</summary>
    public static string? Of(string option) => s_letters.GetValueOrDefault(option);
}
