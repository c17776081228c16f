using Microsoft.Extensions.Logging;

namespace Skipwise.Recipes;

/// <summary>Forwards the notes of a recipe to a logger: those that begin with "warning: " as warnings.</summary>
internal sealed partial class LoggedNotes(ILogger logger) : IProgress<string>
{
    private const string Warning = "warning: ";

    public void Report(string value)
    {
        if (value.StartsWith(Warning, StringComparison.Ordinal))
        {
            Warn(logger, value[Warning.Length..]);
        }
        else
        {
            Inform(logger, value);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Text}")]
    private static partial void Warn(ILogger logger, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Text}")]
    private static partial void Inform(ILogger logger, string text);
}
