using System.Diagnostics;
using Skipwise.Cli.Help;

namespace Skipwise.Tests.Cli;

/// <summary>Completion, asked in the way a shell asks; other shells than bash are asked where they are installed.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public CompletionTests()
    {
        if (!OperatingSystem.IsWindows())
        {
            string tool = _folder.Write("skipwise", $"#!/bin/sh\nexec dotnet '{ToolProcess.Path}' \"$@\"\n");
            File.SetUnixFileMode(tool, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Theory]
    [InlineData("tr", "train"), InlineData("train --targ", "--target-length"), InlineData("eval p", "passkey perplexity")]
    [InlineData("train --optimizer ada", "adafactor adamw adamw8bit"), InlineData("inspect rope -m x --rope ya", "yarn yarn-revised")]
    [InlineData("eval tasks --tasks ar", "arc_challenge"), InlineData("completion f", "fish"), InlineData("train --model ", "")]
    public void Bash_completes(string line, string words)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "bash is of Unix");
        string script = _folder.Write("ask.sh", """
            set -e
            source <(skipwise completion bash)
            complete -p skipwise | grep -q -- '-o default -F _skipwise' || exit 7
            COMP_LINE="skipwise $1"; COMP_POINT=${#COMP_LINE}
            _skipwise
            printf '%s\n' "${COMPREPLY[@]}"
            """.ReplaceLineEndings("\n"));
        (int code, string output, string error) = Ask("bash", script, line);
        Assert.True(code == 0, $"exit code {code}\n{error}");
        Assert.Equal(words.Split(' '), output.Trim().Split('\n').Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("zsh", "-n"), InlineData("fish", "--no-execute"), InlineData("bash", "-n")]
    public void A_shell_that_is_there_reads_its_script(string shell, string check)
    {
        Assert.SkipUnless(IsThere(shell), $"{shell} is not installed");
        string script = _folder.Write($"script.{shell}", CompletionScript.For(shell).ReplaceLineEndings("\n"));
        (int code, _, string error) = ChildProcess.Run(new ProcessStartInfo(shell, [check, script]));
        Assert.True(code == 0 && error.Length == 0, error);
    }

    [Fact]
    public void Fish_completes()
    {
        Assert.SkipUnless(IsThere("fish"), "fish is not installed");
        string script = _folder.Write("ask.fish", "skipwise completion fish | source\ncomplete -C \"skipwise $argv[1]\"\n");
        (int code, string output, string error) = Ask("fish", script, "train --targ");
        Assert.True(code == 0, error);
        Assert.Contains("--target-length", output.Split('\n'));
    }

    [Fact]
    public void Zsh_completes()
    {
        Assert.SkipUnless(IsThere("zsh"), "zsh is not installed");
        string script = _folder.Write("ask.zsh", """
            compdef() { }
            source <(skipwise completion zsh)
            compadd() { shift; print -l -- "$@" }
            words=(skipwise train --targ) CURRENT=3 PREFIX=--targ
            _skipwise
            """.ReplaceLineEndings("\n"));
        (int code, string output, string error) = Ask("zsh", script, "");
        Assert.True(code == 0, error);
        Assert.Equal("--target-length", output.Trim());
    }

    [Fact]
    public void PowerShell_completes()
    {
        Assert.SkipUnless(IsThere("pwsh"), "pwsh is not installed");
        string script = _folder.Write("ask.ps1", """
            skipwise completion pwsh | Out-String | Invoke-Expression
            $line = 'skipwise train --targ'
            (TabExpansion2 $line $line.Length).CompletionMatches | ForEach-Object CompletionText
            """);
        (int code, string output, string error) = Ask("pwsh", script, "");
        Assert.True(code == 0, error);
        Assert.Equal("--target-length", output.Trim());
    }

    /// <summary>What shells that are not here need: the name of the command, the directive, and an answer to each of their calls.</summary>
    [Theory]
    [InlineData("bash", "complete -o default -F _skipwise skipwise"), InlineData("zsh", "#compdef skipwise")]
    [InlineData("fish", "complete -c skipwise -a '(__skipwise_complete)'")]
    [InlineData("pwsh", "Register-ArgumentCompleter -Native -CommandName skipwise -ScriptBlock {")]
    public async Task A_script_registers_itself_and_asks_the_tool(string shell, string registers)
    {
        string script = (await CliRun.Of("completion", shell)).Succeeded().Output;
        Assert.Contains(registers, script, StringComparison.Ordinal);
        Assert.Contains("skipwise \"[suggest:", script, StringComparison.Ordinal);
        Assert.Equal(script.Count(letter => letter == '{'), script.Count(letter => letter == '}'));
        Assert.Equal(script.Count(letter => letter == '('), script.Count(letter => letter == ')'));
    }

    [Fact]
    public async Task An_unknown_shell_is_refused() => (await CliRun.Of("completion", "tcsh")).Complained("tcsh", "bash");

    public void Dispose() => _folder.Dispose();

    private (int Code, string Output, string Error) Ask(string shell, string script, string line)
    {
        var start = new ProcessStartInfo(shell, [script, line]);
        start.Environment["PATH"] = $"{_folder.Path}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}";
        return ChildProcess.Run(start);
    }

    private static bool IsThere(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Any(folder => File.Exists(Path.Combine(folder, program)));
}
