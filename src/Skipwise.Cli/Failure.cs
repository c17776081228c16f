using Skipwise.Cli.Display;

namespace Skipwise.Cli;

/// <summary>An error as a readable message and an exit code.</summary>
internal static class Failure
{
    /// <summary>Set to 1 to see where in the code an error arose.</summary>
    public const string TraceVariable = "SKIPWISE_TRACE";

    /// <summary>Says what happened; the error's place in the code only to those who ask for it.</summary>
    /// <returns>the exit code</returns>
    public static int Tell(Screen screen, Exception e)
    {
        int code = ExitCode.UserError;
        switch (e)
        {
            case OperationCanceledException:
                screen.Note("cancelled");
                return ExitCode.Cancelled;
            case SkipwiseException:
                screen.Error(e.Message);
                break;
            case Exception when OutOfMemory.IsSaidBy(e):
                screen.Error(
                    $"out of memory: {FirstLine(e.Message)} Use a smaller batch (--batch-size, if the command has it), shorter " +
                    "windows or texts, or close other programs.");
                break;
            case IOException or UnauthorizedAccessException when !IsOfTheProgram(e):
                screen.Error($"{e.Message.TrimEnd('.')}. Check that the disk has space left and that the files may be read and written.");
                break;
            default:
                screen.Error($"{e.GetType().Name}: {FirstLine(e.Message)}");
                screen.Note(
                    $"This is a fault of Skipwise, not of yours. Please report it with the command and what {TraceVariable}=1 shows.");
                code = ExitCode.InternalError;
                break;
        }
        if (Environment.GetEnvironmentVariable(TraceVariable) == "1")
        {
            screen.ErrorOutput.WriteLine(Printable.Of(e.ToString()));
        }
        return code;
    }

    /// <summary>A part of the program is missing or broken, not a file of the user.</summary>
    private static bool IsOfTheProgram(Exception e) => e is FileLoadException
        || (e is FileNotFoundException { FileName: { } assembly } && assembly.Contains(", Version=", StringComparison.Ordinal));

    private static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();
}
