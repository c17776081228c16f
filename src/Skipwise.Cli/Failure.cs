using System.Runtime.InteropServices;

namespace Skipwise.Cli;

/// <summary>What went wrong, as a person reads it, and as an exit code.</summary>
internal static class Failure
{
    /// <summary>Set to 1 to see where in the code an error arose.</summary>
    public const string TraceVariable = "SKIPWISE_TRACE";

    /// <summary>The first line says "error: ", all go to the error stream.</summary>
    public static void Tell(Terminal terminal, string message) => terminal.Error.WriteLine($"error: {message}");

    /// <returns>the exit code</returns>
    public static int Tell(Terminal terminal, Exception e)
    {
        int code = ExitCode.UsersError;
        switch (e)
        {
            case OperationCanceledException:
                terminal.Note("cancelled");
                return ExitCode.Cancelled;
            case SkipwiseException:
                Tell(terminal, e.Message);
                break;
            case OutOfMemoryException:
            case ExternalException when IsAllocation(e.Message):
                Tell(terminal, $"out of memory: {FirstLine(e.Message)} Use a smaller --batch-size or shorter windows, or close other programs.");
                break;
            case IOException or UnauthorizedAccessException:
                Tell(terminal, $"{e.Message} Check that the disk has space left and that the files may be read and written.");
                break;
            default:
                Tell(terminal, $"{e.GetType().Name}: {FirstLine(e.Message)}");
                terminal.Note($"This is a fault of Skipwise, not of yours. Please report it with the command and what {TraceVariable}=1 shows.");
                code = ExitCode.OurError;
                break;
        }
        if (Environment.GetEnvironmentVariable(TraceVariable) == "1")
        {
            terminal.Note(e.ToString());
        }
        return code;
    }

    private static bool IsAllocation(string message) =>
        message.Contains("allocate memory", StringComparison.OrdinalIgnoreCase) || message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) || message.Contains("bad_alloc", StringComparison.Ordinal);

    private static string FirstLine(string message) => message.Split('\n')[0].TrimEnd();
}
