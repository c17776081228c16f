namespace Skipwise.Chat.Jinja;

/// <summary>What can be called: a function, a method of a value, a macro.</summary>
/// <param name="Name">for errors</param>
internal sealed record Function(string Name, Func<Rendering, Arguments, object?> Call);
