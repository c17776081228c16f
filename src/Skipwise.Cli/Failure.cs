using Skipwise.Cli.Display;

namespace Skipwise.Cli;

/// <summary>An error as a readable message and an exit code.</summary>
internal static class Failure
{
    /// <summary>Set to 1 to see where in the code an error arose.</summary>
    public const string TraceVariable = "SKIPWISE_TRACE";

    /// <summary>Says what happened; the error's place in the code only to those who ask for it.</summary>
    /// <param name="place">where it happened, before the message: a rank</param>
    /// <param name="record">receives what was said, one line</param>
    /// <returns>the exit code</returns>
    public static int Tell(Screen screen, Exception e, string place = "", Action<string>? record = null)
    {
        if (e is OperationCanceledException)
        {
            screen.Note($"{place}cancelled");
            return ExitCode.Cancelled;
        }
        (string reason, int code) = Describe(e);
        string line = screen.Error(place + reason);
        record?.Invoke(line);
        if (code == ExitCode.InternalError)
        {
            screen.Note(
                $"This is a fault of Skipwise, not of yours. Please report it with the command and what {TraceVariable}=1 shows.");
        }
        if (Environment.GetEnvironmentVariable(TraceVariable) == "1")
        {
            screen.ErrorOutput.WriteLine(Printable.Of(e.ToString()));
        }
        return code;
    }

    private static (string Reason, int Code) Describe(Exception e) => e switch
    {
        SkipwiseException => (e.Message, ExitCode.UserError),
        Exception when OutOfMemory.IsSaidBy(e) => (
            $"out of memory: {FirstLine(e.Message)} Use a smaller batch (--batch-size, if the command has it), shorter " +
            "windows or texts, or close other programs.", ExitCode.UserError),
        IOException or UnauthorizedAccessException when !IsOfTheProgram(e) => (
            $"{e.Message.TrimEnd('.')}. Check that the disk has space left and that the files may be read and written.",
            ExitCode.UserError),
        _ => ($"{e.GetType().Name}: {FirstLine(e.Message)}", ExitCode.InternalError),
    };

    /// <summary>A part of the program is missing or broken, not a file of the user.</summary>
    private static bool IsOfTheProgram(Exception e) => e is FileLoadException
        || (e is FileNotFoundException { FileName: { } assembly } && assembly.Contains(", Version=", StringComparison.Ordinal));

    private static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();
}
