using Skipwise.Cli;
using Skipwise.Cli.Display;
using Spectre.Console;

namespace Skipwise.Tests.Cli;

/// <summary>One run of the command in this process: its exit code and what it wrote.</summary>
internal sealed record CliRun(int Code, string Output, string Error)
{
    public static Task<CliRun> Of(params string[] args) => Of(args, "");

    public static async Task<CliRun> Of(string[] args, string input, CancellationToken stop = default)
    {
        using var reader = new StringReader(input);
        return await Of(args, reader, stop);
    }

    public static Task<CliRun> Of(string[] args, TextReader reader, CancellationToken stop = default) =>
        Of(args, reader, new StringWriter(), stop);

    /// <summary>A training run that is stopped as soon as it reports its first step.</summary>
    public static async Task<CliRun> StoppedAfterItsFirstStep(params string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var reader = new StringReader("");
        return await Of(args, reader, new FirstStep(stop), stop.Token);
    }

    private static async Task<CliRun> Of(string[] args, TextReader reader, StringWriter error, CancellationToken stop)
    {
        using var output = new StringWriter();
        using StringWriter errors = error;
        IAnsiConsole console =
            AnsiConsole.Create(
                new AnsiConsoleSettings
                {
                    Ansi = AnsiSupport.No,
                    Interactive = InteractionSupport.No,
                    Out = new AnsiConsoleOutput(output)
                });
        int code = await CommandLine.RunAsync(args, new Screen(console, output, error), reader, stop);
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>The verb did its work and found nothing to complain about.</summary>
    public CliRun Succeeded()
    {
        Assert.True(Code == 0, $"exit code {Code}\n{Error}");
        Assert.DoesNotContain("error:", Error, StringComparison.Ordinal);
        return this;
    }

    /// <summary>The user is told in one line, without a stack trace, what is wrong; every hint is in it.</summary>
    public void Complained(params string[] hints) => Told(1, hints);

    /// <summary>As <see cref="Complained"/>, of work that was done and whose result did not pass.</summary>
    public void FailedCheck(params string[] hints) => Told(3, hints);

    private void Told(int code, string[] hints)
    {
        Assert.True(Code == code, $"exit code {Code}\n{Output}\n{Error}");
        string complaint = Assert.Single(Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.All(hints, hint => Assert.Contains(hint, complaint, StringComparison.Ordinal));
        Assert.DoesNotContain("   at ", Error, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"[^.]\.'?\.(\s|$)", complaint); // a reason that ends with a full stop, in a sentence of ours
    }

    /// <summary>Cancels when the first step is written.</summary>
    private sealed class FirstStep(CancellationTokenSource stop) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.TrimStart().StartsWith("step ", StringComparison.Ordinal) is true)
            {
                stop.Cancel();
            }
        }
    }
}
