namespace Skipwise.Chat.Jinja;

/// <summary>The variables of a block. What a loop or a macro sets is gone behind it, as in jinja2.</summary>
/// <param name="outer">the block around it; null: none</param>
internal sealed class Scope(Scope? outer)
{
    private Dictionary<string, object?>? _variables;

    /// <summary>Sets a variable of this block.</summary>
    public void Set(string name, object? value) => (_variables ??= new(StringComparer.Ordinal))[name] = value;

    /// <summary>The value of a variable of this block, or of the nearest one around it that has it.</summary>
    public object? Get(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope.Outer)
        {
            if (scope._variables is { } variables && variables.TryGetValue(name, out object? value))
            {
                return value;
            }
        }
        return new Undefined($"'{name}' is undefined");
    }

    private Scope? Outer => outer;
}
