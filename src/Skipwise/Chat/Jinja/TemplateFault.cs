namespace Skipwise.Chat.Jinja;

/// <summary>An error in a template or in its rendering, before file and line are put into words.</summary>
/// <param name="message">a sentence without its place</param>
/// <param name="line">1-based; 0: whoever evaluates the node knows it</param>
internal sealed class TemplateFault(string message, int line = 0) : Exception(message)
{
    /// <summary>The line of the template; 0 while unknown.</summary>
    public int Line { get; private set; } = line;

    /// <summary>Whether a template itself raised it, with its own words, by raise_exception.</summary>
    public bool IsRaised { get; init; }

    /// <summary>What is in jinja2 or in Python, and not here.</summary>
    public static TemplateFault Unsupported(string what, int line = 0) => new($"{what} is not supported", line);

    /// <summary>A value of a wrong type; of an undefined one its own error.</summary>
    /// <param name="what">what was expected</param>
    public static TemplateFault Expected(string what, object? value) =>
        (value as Undefined)?.Fault() ?? new($"{what}, found a value of type {Values.TypeName(value)}");

    /// <summary>Notes the line if it is not yet known. For exception filters: the innermost node is the first to be asked.</summary>
    /// <returns>false, so that nothing is caught</returns>
    public bool PassedThrough(int line)
    {
        Line = Line == 0 ? line : Line;
        return false;
    }
}
