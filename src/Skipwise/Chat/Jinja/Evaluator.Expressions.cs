using System.Text;

namespace Skipwise.Chat.Jinja;

internal sealed partial class Evaluator
{
    private object? Evaluate(Expression expression, Scope scope)
    {
        try
        {
            Values.RequireStack();
            rendering.Step();
            return Value(expression, scope);
        }
        catch (TemplateFault fault) when (fault.PassedThrough(expression.Line))
        {
            throw; // not reached: the filter notes the line alone
        }
    }

    private object? Value(Expression expression, Scope scope) => expression switch
    {
        Expression.Constant constant => constant.Value,
        Expression.Name name => scope.Get(name.Id),
        Expression.Sequence list => rendering.List(list.Items.Select(item => Evaluate(item, scope)), list.IsTuple),
        Expression.Dict dict => Dict(dict, scope),
        Expression.Unary { Operation: "not" } not => !Values.IsTrue(Evaluate(not.Operand, scope)),
        Expression.Unary sign => Arithmetic.Sign(sign.Operation, Evaluate(sign.Operand, scope)),
        Expression.Binary binary =>
            Arithmetic.Compute(rendering, binary.Operation, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope)),
        Expression.Logical logical => Evaluate(logical.Left, scope) is var left && Values.IsTrue(left) == logical.IsAnd
            ? Evaluate(logical.Right, scope) : left,
        Expression.Concatenation concatenation => Concatenated(concatenation, scope),
        Expression.Comparison comparison => Compared(comparison, scope),
        Expression.Conditional conditional => Values.IsTrue(Evaluate(conditional.Condition, scope)) ? Evaluate(conditional.Yes, scope)
            : conditional.No is { } no ? Evaluate(no, scope)
            : new Undefined("the inline 'if' without an 'else' has no value, because its condition is false"),
        Expression.Attribute attribute => Members.Attribute(rendering, Evaluate(attribute.Object, scope), attribute.Id),
        Expression.Item item => Members.Item(rendering, Evaluate(item.Object, scope), Evaluate(item.Index, scope)),
        Expression.Slice slice => Members.Slice(rendering, Evaluate(slice.Object, scope), Bound(slice.Start, scope),
            Bound(slice.Stop, scope), Bound(slice.Step, scope)),
        Expression.Call call => Call(call, scope),
        Expression.Filter filter => Apply("filter", filter.Applied, Evaluate(filter.Value, scope), scope),
        Expression.Test tested => Values.IsTrue(Apply("test", tested.Applied, Evaluate(tested.Value, scope), scope)),
        _ => throw TemplateFault.Unsupported(expression.GetType().Name),
    };

    private object? Bound(Expression? bound, Scope scope) => bound is null ? null : Evaluate(bound, scope);

    private DictValue Dict(Expression.Dict literal, Scope scope)
    {
        var dict = new DictValue();
        foreach ((Expression key, Expression value) in literal.Items)
        {
            dict.Set(rendering, Evaluate(key, scope), Evaluate(value, scope));
        }
        return dict;
    }

    private string Concatenated(Expression.Concatenation concatenation, Scope scope)
    {
        var text = new StringBuilder();
        foreach (Expression part in concatenation.Parts)
        {
            text.Append(rendering.Made(Values.Text(rendering, Evaluate(part, scope))));
        }
        return text.ToString();
    }

    private bool Compared(Expression.Comparison comparison, Scope scope)
    {
        object? left = Evaluate(comparison.First, scope);
        foreach ((string operation, Expression operand) in comparison.Rest)
        {
            object? right = Evaluate(operand, scope);
            bool holds = operation switch
            {
                "==" => Values.Equal(rendering, left, right),
                "!=" => !Values.Equal(rendering, left, right),
                "<" => Values.Compare(rendering, left, right) < 0,
                "<=" => Values.Compare(rendering, left, right) <= 0,
                ">" => Values.Compare(rendering, left, right) > 0,
                ">=" => Values.Compare(rendering, left, right) >= 0,
                "in" => Values.Contains(rendering, right, left),
                _ => !Values.Contains(rendering, right, left),
            };
            if (!holds)
            {
                return false;
            }
            left = right;
        }
        return true;
    }

    private object? Apply(string kind, Expression.NamedCall applied, object? value, Scope scope)
    {
        Builtin function = applied.Function
            ?? throw (kind == "filter" ? Filters.Table : Tests.Table).Missing(kind, applied.Name, applied.Line);
        return function.Call(rendering, value, Evaluate(applied.Arguments, scope));
    }

    /// <param name="caller">what a call block gives as the argument caller; null: this is none</param>
    private object? Call(Expression.Call call, Scope scope, Function? caller = null)
    {
        object? called = Evaluate(call.Function, scope);
        Function function = called as Function
            ?? throw TemplateFault.Expected("a function is expected before ()", called);
        Arguments arguments = Evaluate(call.Arguments, scope);
        return function.Call(rendering, caller is null ? arguments : arguments with { Named = [.. arguments.Named, ("caller", caller)] });
    }

    private Arguments Evaluate(Expression.CallArguments arguments, Scope scope)
    {
        if (ReferenceEquals(arguments, Expression.CallArguments.None))
        {
            return Arguments.None;
        }
        List<object?> positional = [.. arguments.Positional.Select(argument => Evaluate(argument, scope))];
        List<(string Name, object? Value)> named =
            [.. arguments.Named.Select(argument => (argument.Name, Evaluate(argument.Value, scope)))];
        if (arguments.Star is { } star)
        {
            positional.AddRange(rendering.List(Values.Iterate(rendering, Evaluate(star, scope))).Items);
        }
        if (arguments.StarStar is { } starStar)
        {
            DictValue dict = Evaluate(starStar, scope) as DictValue ?? throw new TemplateFault("what follows ** is no dict");
            var names = named.Select(argument => argument.Name).ToHashSet(StringComparer.Ordinal);
            foreach ((object? key, object? value) in dict.Items)
            {
                rendering.Charge(Rendering.ItemSize);
                string name = key as string ?? throw new TemplateFault("the name of an argument is no str");
                named.Add(names.Add(name) ? (name, value) : throw new TemplateFault($"the call has two values for '{name}'"));
            }
        }
        return new(positional, named);
    }
}
