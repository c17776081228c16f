namespace Skipwise.Chat.Jinja;

/// <summary>The value of what does not exist: an empty text, an empty list, false; anything else done with it is an error.</summary>
/// <param name="complaint">that error</param>
internal sealed class Undefined(string complaint)
{
    /// <summary>The error of whoever needs the value.</summary>
    public TemplateFault Fault() => new(complaint);
}
