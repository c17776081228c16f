namespace Skipwise.Chat.Jinja;

/// <summary>A statement of a template.</summary>
/// <param name="Line">1-based</param>
internal abstract record Statement(int Line)
{
    /// <summary>Text that is output as it is.</summary>
    internal sealed record Data(int Line, string Text) : Statement(Line);

    /// <summary>{{ expression }}.</summary>
    internal sealed record Output(int Line, Expression Value) : Statement(Line);

    /// <summary>if, elif, else.</summary>
    internal sealed record If(
        int Line, IReadOnlyList<(Expression Test, IReadOnlyList<Statement> Body)> Branches, IReadOnlyList<Statement> Else)
        : Statement(Line);

    /// <summary>A loop.</summary>
    /// <param name="Target">a name, or a tuple of targets</param>
    /// <param name="Only">items for which this is false are left out; null: none</param>
    internal sealed record For(
        int Line, Expression Target, Expression Items, Expression? Only, IReadOnlyList<Statement> Body, IReadOnlyList<Statement> Else)
        : Statement(Line);

    /// <summary>break, or continue.</summary>
    internal sealed record Leave(int Line, bool IsBreak) : Statement(Line);

    /// <summary>set target = value.</summary>
    /// <param name="Target">a name, a namespace's attribute, or a tuple of targets</param>
    internal sealed record Set(int Line, Expression Target, Expression Value) : Statement(Line);

    /// <summary>set target, with the text up to endset.</summary>
    internal sealed record SetBlock(
        int Line, Expression Target, IReadOnlyList<Expression.NamedCall> Filters, IReadOnlyList<Statement> Body) : Statement(Line);

    /// <summary>with: variables of a block.</summary>
    internal sealed record With(
        int Line, IReadOnlyList<(Expression Target, Expression Value)> Variables, IReadOnlyList<Statement> Body) : Statement(Line);

    /// <summary>filter: the text up to endfilter, filtered.</summary>
    internal sealed record FilterBlock(int Line, IReadOnlyList<Expression.NamedCall> Filters, IReadOnlyList<Statement> Body)
        : Statement(Line);

    /// <summary>macro.</summary>
    internal sealed record DefineMacro(int Line, string Name, Callee Definition) : Statement(Line);

    /// <summary>call: a macro that gets the text up to endcall as its caller().</summary>
    internal sealed record CallBlock(int Line, Expression.Call Call, Callee Caller) : Statement(Line);

    /// <summary>generation: what a model answered, of which transformers makes a mask; the text is the same.</summary>
    internal sealed record Generation(int Line, IReadOnlyList<Statement> Body) : Statement(Line);

    /// <summary>Parameters and body of a macro, or of a call block.</summary>
    /// <param name="Parameters">with their defaults; null: none</param>
    /// <param name="Mentions">the variables that its body reads</param>
    internal sealed record Callee(
        IReadOnlyList<(string Name, Expression? Default)> Parameters, IReadOnlyList<Statement> Body, IReadOnlySet<string> Mentions);
}
