using System.CommandLine;
using Skipwise.Cli.Display;
using Skipwise.Cli.Flags;
using Skipwise.Cli.Help;

namespace Skipwise.Cli.Verbs;

/// <summary><c>skipwise completion</c></summary>
internal static class CompletionVerb
{
    public static Verb Create(Screen screen)
    {
        var verb = new Verb("completion", "Print a script that makes a shell complete verbs, options and their values.",
            """
            source <(skipwise completion bash)
            skipwise completion zsh > ~/.zfunc/_skipwise
            skipwise completion fish > ~/.config/fish/completions/skipwise.fish
            skipwise completion pwsh > skipwise.ps1
            """)
        { TakesConfig = false };
        var shell = new Argument<string>("shell")
        {
            HelpName = string.Join('|', CompletionScript.Shells),
            Description = "the shell",
        };
        shell.AcceptOnlyFromAmong([.. CompletionScript.Shells]);
        verb.Arguments.Add(shell);
        verb.OnRun(screen, (parse, _) =>
        {
            screen.Line(CompletionScript.For(parse.GetValue(shell)!));
            return ExitCode.Success;
        });
        return verb;
    }
}
