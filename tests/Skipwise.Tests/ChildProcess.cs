using System.Diagnostics;
using System.Text;

namespace Skipwise.Tests;

/// <summary>A process of its own, and an end to waiting for it: one that takes too long is killed with all that it has started.</summary>
internal static class ChildProcess
{
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    /// <summary>What is still in the pipes comes at once; a helper process that outlives its parent can hold them open for ever.</summary>
    public static readonly TimeSpan LastWords = TimeSpan.FromSeconds(10);

    public static (int Code, string Output, string Error) Run(ProcessStartInfo start) =>
        TryRun(start, Limit)
        ?? throw new TimeoutException(
            $"{start.FileName} {string.Join(' ', start.ArgumentList)}: did not end within {Limit.TotalMinutes} minutes and was killed");

    /// <summary>null if it did not end within the limit.</summary>
    public static (int Code, string Output, string Error)? TryRun(ProcessStartInfo start, TimeSpan limit)
    {
        (start.RedirectStandardOutput, start.RedirectStandardError) = (true, true);
        using Process process = Process.Start(start)!;
        (StringBuilder output, StringBuilder error) = (new(), new());
        var words = Task.WhenAll(Listen(process.StandardOutput, output), Listen(process.StandardError, error));
        bool ended = End(process, limit);
        words.Wait(LastWords);
        return ended ? (process.ExitCode, Text(output), Text(error)) : null;
    }

    /// <summary>Waits, and kills what does not end.</summary>
    /// <returns>whether it ended by itself</returns>
    public static bool End(Process process, TimeSpan limit)
    {
        if (process.WaitForExit(limit))
        {
            return true;
        }
        process.Kill(entireProcessTree: true);
        process.WaitForExit(LastWords);
        return false;
    }

    /// <summary>Reads a pipe to its end.</summary>
    public static async Task Listen(StreamReader pipe, StringBuilder heard)
    {
        var part = new char[4096];
        try
        {
            for (int count; (count = await pipe.ReadAsync(part)) > 0;)
            {
                lock (heard)
                {
                    heard.Append(part, 0, count);
                }
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // nobody waits for it any more
        }
    }

    /// <summary>What was heard so far.</summary>
    public static string Text(StringBuilder heard)
    {
        lock (heard)
        {
            return heard.ToString();
        }
    }
}
