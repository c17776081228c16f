namespace Skipwise.Chat.Jinja;

/// <summary>An expression of a template.</summary>
/// <param name="Line">1-based</param>
internal abstract record Expression(int Line)
{
    /// <summary>A literal.</summary>
    internal sealed record Constant(int Line, object? Value) : Expression(Line);

    /// <summary>A variable.</summary>
    internal sealed record Name(int Line, string Id) : Expression(Line);

    /// <summary>A list, or a tuple.</summary>
    internal sealed record Sequence(int Line, IReadOnlyList<Expression> Items, bool IsTuple) : Expression(Line);

    /// <summary>A dict.</summary>
    internal sealed record Dict(int Line, IReadOnlyList<(Expression Key, Expression Value)> Items) : Expression(Line);

    /// <summary>not, +, -.</summary>
    internal sealed record Unary(int Line, string Operation, Expression Operand) : Expression(Line);

    /// <summary>Arithmetic.</summary>
    internal sealed record Binary(int Line, string Operation, Expression Left, Expression Right) : Expression(Line);

    /// <summary>and, or: the value of the operand that decides.</summary>
    internal sealed record Logical(int Line, bool IsAnd, Expression Left, Expression Right) : Expression(Line);

    /// <summary>~: the operands' texts one after the other.</summary>
    internal sealed record Concatenation(int Line, IReadOnlyList<Expression> Parts) : Expression(Line);

    /// <summary>A chain of comparisons: a &lt; b in c.</summary>
    internal sealed record Comparison(int Line, Expression First, IReadOnlyList<(string Operation, Expression Operand)> Rest)
        : Expression(Line);

    /// <summary>Yes if Condition else No.</summary>
    internal sealed record Conditional(int Line, Expression Condition, Expression Yes, Expression? No) : Expression(Line);

    /// <summary>object.name.</summary>
    internal sealed record Attribute(int Line, Expression Object, string Id) : Expression(Line);

    /// <summary>object[index].</summary>
    internal sealed record Item(int Line, Expression Object, Expression Index) : Expression(Line);

    /// <summary>object[start:stop:step].</summary>
    internal sealed record Slice(int Line, Expression Object, Expression? Start, Expression? Stop, Expression? Step) : Expression(Line);

    /// <summary>A call.</summary>
    internal sealed record Call(int Line, Expression Function, CallArguments Arguments) : Expression(Line);

    /// <summary>value | filter(arguments).</summary>
    internal sealed record Filter(int Line, Expression Value, NamedCall Applied) : Expression(Line);

    /// <summary>value is test(arguments).</summary>
    internal sealed record Test(int Line, Expression Value, NamedCall Applied) : Expression(Line);

    /// <summary>The arguments of a call as they are written.</summary>
    /// <param name="Star">after *; null: none</param>
    /// <param name="StarStar">after **; null: none</param>
    internal sealed record CallArguments(
        IReadOnlyList<Expression> Positional, IReadOnlyList<(string Name, Expression Value)> Named, Expression? Star = null,
        Expression? StarStar = null)
    {
        /// <summary>No arguments.</summary>
        public static readonly CallArguments None = new([], []);
    }

    /// <summary>A filter or a test with its arguments.</summary>
    /// <param name="Function">null: there is none of that name, which is an error once it is asked for</param>
    internal sealed record NamedCall(int Line, string Name, Builtin? Function, CallArguments Arguments);
}
