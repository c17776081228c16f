namespace Skipwise.Chat.Jinja;

/// <summary>Builtins by name.</summary>
/// <param name="unsupported">names, with spaces between them, that jinja2 or Python has and this renderer does not</param>
internal sealed class BuiltinTable(string unsupported = "") : Dictionary<string, Builtin>(StringComparer.Ordinal)
{
    private readonly HashSet<string> _unsupported = [.. unsupported.Split(' ', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>Adds one.</summary>
    public void Add(string name, string signature, Builtin.Body body) => Add(name, new(name, signature, body));

    /// <summary>Gives one further names.</summary>
    public BuiltinTable Alias(string name, params ReadOnlySpan<string> others)
    {
        foreach (string other in others)
        {
            Add(other, this[name]);
        }
        return this;
    }

    /// <summary>Whether there is such a name, and not here.</summary>
    public bool Lacks(string name) => _unsupported.Contains(name);

    /// <summary>The error about a name that is not here.</summary>
    /// <param name="kind">filter or test</param>
    public TemplateFault Missing(string kind, string name, int line = 0) =>
        Lacks(name) ? TemplateFault.Unsupported($"the {kind} '{name}'", line) : new($"there is no {kind} '{name}'", line);
}
