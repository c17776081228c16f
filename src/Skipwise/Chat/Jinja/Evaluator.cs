using System.Text;

namespace Skipwise.Chat.Jinja;

/// <summary>Runs a parsed template. Here statements; the other part evaluates expressions.</summary>
internal sealed partial class Evaluator(Rendering rendering)
{
    /// <summary>Runs a template.</summary>
    /// <param name="variables">what it is given</param>
    /// <returns>its output</returns>
    /// <exception cref="TemplateFault">the template raises an error, does what is not possible, or too much</exception>
    public string Run(IReadOnlyList<Statement> template, IEnumerable<(string Name, object? Value)> variables)
    {
        var scope = new Scope(Globals.Scope());
        foreach ((string name, object? value) in variables)
        {
            scope.Set(name, value);
        }
        return Captured(template, scope, out _);
    }

    private string Captured(IReadOnlyList<Statement> statements, Scope scope, out Flow flow)
    {
        var output = new StringBuilder();
        flow = Run(statements, scope, output);
        return output.ToString();
    }

    private Flow Run(IReadOnlyList<Statement> statements, Scope scope, StringBuilder output)
    {
        Values.RequireStack();
        foreach (Statement statement in statements)
        {
            try
            {
                rendering.Step();
                if (Run(statement, scope, output) is not Flow.Normal and var flow)
                {
                    return flow;
                }
            }
            catch (TemplateFault fault) when (fault.PassedThrough(statement.Line))
            {
                throw; // not reached: the filter notes the line alone
            }
        }
        return Flow.Normal;
    }

    private Flow Run(Statement statement, Scope scope, StringBuilder output)
    {
        var flow = Flow.Normal;
        switch (statement)
        {
            case Statement.Data data:
                output.Append(rendering.Made(data.Text));
                break;
            case Statement.Output { Value: var value }:
                output.Append(rendering.Made(Values.Text(rendering, Evaluate(value, scope))));
                break;
            case Statement.If choice:
                IReadOnlyList<Statement>? taken =
                    choice.Branches.FirstOrDefault(branch => Values.IsTrue(Evaluate(branch.Test, scope))).Body;
                return Run(taken ?? choice.Else, scope, output);
            case Statement.For loop:
                Run(loop, scope, output);
                break;
            case Statement.Leave leave:
                return leave.IsBreak ? Flow.Break : Flow.Continue;
            case Statement.Set set:
                Assign(set.Target, Evaluate(set.Value, scope), scope);
                break;
            case Statement.SetBlock set:
                string text = Captured(set.Body, new Scope(scope), out flow);
                if (flow == Flow.Normal)
                {
                    Assign(set.Target, Filtered(text, set.Filters, scope), scope);
                }
                break;
            case Statement.FilterBlock block:
                text = Captured(block.Body, new Scope(scope), out flow);
                if (flow == Flow.Normal)
                {
                    output.Append(rendering.Made(Values.Text(rendering, Filtered(text, block.Filters, scope))));
                }
                break;
            case Statement.With with:
                var inner = new Scope(scope);
                foreach ((Expression target, Expression value) in with.Variables)
                {
                    Assign(target, Evaluate(value, scope), inner);
                }
                return Run(with.Body, inner, output);
            case Statement.Generation generation:
                return Run(generation.Body, new Scope(scope), output);
            case Statement.DefineMacro macro:
                scope.Set(macro.Name, MacroFunction(macro.Name, macro.Definition, scope));
                break;
            case Statement.CallBlock call:
                output.Append(rendering.Made(Values.Text(rendering, Call(call.Call, scope, MacroFunction("caller", call.Caller, scope)))));
                break;
        }
        return flow;
    }

    private object? Filtered(object? value, IReadOnlyList<Expression.NamedCall> filters, Scope scope)
    {
        foreach (Expression.NamedCall filter in filters)
        {
            value = Apply("filter", filter, value, scope);
        }
        return value;
    }

    private void Run(Statement.For statement, Scope scope, StringBuilder output)
    {
        IEnumerable<object?> items = Values.Iterate(rendering, Evaluate(statement.Items, scope));
        if (statement.Only is { } condition)
        {
            items = items.Where(item =>
            {
                var inner = new Scope(scope);
                Assign(statement.Target, item, inner);
                return Values.IsTrue(Evaluate(condition, inner));
            });
        }
        bool wasComplete = false; // some turn reached its end: as in jinja2, one that was left early does not keep the else away
        using var loop = new LoopState(items);
        while (loop.Next())
        {
            var inner = new Scope(scope);
            inner.Set("loop", loop);
            Assign(statement.Target, loop.Item, inner);
            Flow flow = Run(statement.Body, inner, output);
            if (flow == Flow.Break)
            {
                break;
            }
            wasComplete |= flow == Flow.Normal;
        }
        if (!wasComplete)
        {
            Run(statement.Else, new Scope(scope), output);
        }
    }

    private void Assign(Expression target, object? value, Scope scope)
    {
        switch (target)
        {
            case Expression.Name name:
                scope.Set(name.Id, value);
                break;
            case Expression.Attribute { Object: Expression.Name name } attribute:
                NamespaceValue space = scope.Get(name.Id) as NamespaceValue
                    ?? throw new TemplateFault($"'{name.Id}' is no namespace, so '{name.Id}.{attribute.Id}' cannot be set");
                rendering.Charge(Rendering.ItemSize);
                space.Attributes[attribute.Id] = value;
                break;
            case Expression.Sequence several:
                object?[] values = [.. Values.Iterate(rendering, value).Take(several.Items.Count + 1)];
                if (values.Length != several.Items.Count)
                {
                    throw new TemplateFault($"found {(values.Length > several.Items.Count ? "more" : values.Length)} values for "
                        + $"{several.Items.Count} variables");
                }
                for (int i = 0; i < values.Length; i++)
                {
                    Assign(several.Items[i], values[i], scope);
                }
                break;
        }
    }

    private Function MacroFunction(string name, Statement.Callee macro, Scope outer) => new(name, (_, arguments) =>
    {
        var scope = new Scope(outer);
        var named = arguments.Named.ToList();
        for (int i = 0; i < macro.Parameters.Count; i++)
        {
            (string parameter, Expression? missing) = macro.Parameters[i];
            rendering.Charge(named.Count);
            int at = named.FindIndex(argument => argument.Name == parameter);
            bool isPositional = i < arguments.Positional.Count;
            if (isPositional && at >= 0)
            {
                throw new TemplateFault($"the macro '{name}' has two values for '{parameter}'");
            }
            scope.Set(parameter, isPositional ? arguments.Positional[i] : at >= 0 ? named[at].Value
                : missing is null ? new Undefined($"the parameter '{parameter}' was not given")
                : Evaluate(missing, scope));
            if (at >= 0)
            {
                named.RemoveAt(at);
            }
        }
        TakeTheRest(name, macro, arguments, named, scope);
        return Captured(macro.Body, scope, out Flow _);
    });

    /// <summary>Sets caller, varargs and kwargs, which a macro has if it mentions them.</summary>
    private void TakeTheRest(
        string name, Statement.Callee macro, Arguments arguments, List<(string Name, object? Value)> named, Scope scope)
    {
        if (macro.Mentions.Contains("caller"))
        {
            int at = named.FindIndex(argument => argument.Name == "caller");
            scope.Set("caller", at >= 0 ? named[at].Value : new Undefined("there is no caller"));
            named.RemoveAll(argument => argument.Name == "caller");
        }
        if (macro.Mentions.Contains("kwargs"))
        {
            var rest = new DictValue();
            named.ForEach(argument => rest.Set(rendering, argument.Name, argument.Value));
            scope.Set("kwargs", rest);
        }
        else if (named.Count > 0)
        {
            throw new TemplateFault($"the macro '{name}' takes no argument '{named[0].Name}'");
        }
        if (macro.Mentions.Contains("varargs"))
        {
            scope.Set("varargs", rendering.List(arguments.Positional.Skip(macro.Parameters.Count), isTuple: true));
        }
        else if (arguments.Positional.Count > macro.Parameters.Count)
        {
            throw new TemplateFault($"the macro '{name}' takes at most {macro.Parameters.Count} arguments, "
                + $"found {arguments.Positional.Count}");
        }
    }
}
