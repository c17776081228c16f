using Microsoft.Extensions.Logging;

namespace Skipwise.Server;

/// <summary>A line per request on standard error, with the time in UTC.</summary>
public static class ConsoleLog
{
    /// <summary>Adds it.</summary>
    public static void Add(ILoggingBuilder logging)
    {
        logging.AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ssZ ";
        });
    }
}
