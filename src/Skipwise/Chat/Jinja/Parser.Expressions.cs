using System.Globalization;
using System.Numerics;

namespace Skipwise.Chat.Jinja;

internal sealed partial class Parser
{
    /// <summary>Parses one expression, or several with commas between them, which are a tuple.</summary>
    /// <param name="end">a keyword that may follow a comma at the end</param>
    private Expression Tuple(bool withConditional = true, string end = "", bool inParentheses = false)
    {
        int line = Current.Line;
        var items = new List<Expression>();
        bool isTuple = false;
        while (!(Current.Kind is TokenKind.BlockEnd or TokenKind.OutputEnd || Current.Is(")") || Current.IsName(end)))
        {
            items.Add(withConditional ? Expression() : Or());
            if (!Skip(","))
            {
                break;
            }
            isTuple = true;
        }
        return isTuple || (items.Count == 0 && inParentheses) ? new Expression.Sequence(line, items, IsTuple: true)
            : items.Count > 0 ? items[0] : throw Unexpected("an expression");
    }

    private Expression Expression()
    {
        RequireStack(Current.Line);
        TemplateFault? before = _missing;
        Expression value = Or();
        while (Current.IsName("if"))
        {
            int line = Take().Line;
            Expression test = Or();
            Expression? otherwise = SkipName("else") ? Expression() : null;
            value = new Expression.Conditional(line, test, value, otherwise);
            _missing = before;
        }
        return value;
    }

    private Expression Or()
    {
        Expression left = And();
        while (Current.IsName("or"))
        {
            left = new Expression.Logical(Take().Line, IsAnd: false, left, And());
        }
        return left;
    }

    private Expression And()
    {
        Expression left = Not();
        while (Current.IsName("and"))
        {
            left = new Expression.Logical(Take().Line, IsAnd: true, left, Not());
        }
        return left;
    }

    private Expression Not()
    {
        RequireStack(Current.Line);
        return Current.IsName("not") ? new Expression.Unary(Take().Line, "not", Not()) : Comparison();
    }

    private Expression Comparison()
    {
        int line = Current.Line;
        Expression first = Sum();
        var rest = new List<(string, Expression)>();
        while (true)
        {
            bool isOrder = Current.Kind == TokenKind.Operator && Current.Text is ("==" or "!=" or "<" or "<=" or ">" or ">=");
            if (isOrder || Current.IsName("in"))
            {
                rest.Add((Take().Text, Sum()));
            }
            else if (Current.IsName("not") && Ahead.IsName("in"))
            {
                Take();
                Take();
                rest.Add(("not in", Sum()));
            }
            else
            {
                return rest.Count > 0 ? new Expression.Comparison(line, first, rest) : first;
            }
        }
    }

    private Expression Sum()
    {
        Expression left = Concatenation();
        while (Current.Is("+") || Current.Is("-"))
        {
            Token operation = Take();
            left = new Expression.Binary(operation.Line, operation.Text, left, Concatenation());
        }
        return left;
    }

    private Expression Concatenation()
    {
        int line = Current.Line;
        List<Expression> parts = [Product()];
        while (Skip("~"))
        {
            parts.Add(Product());
        }
        return parts.Count > 1 ? new Expression.Concatenation(line, parts) : parts[0];
    }

    private Expression Product()
    {
        Expression left = Power();
        while (Current.Is("*") || Current.Is("/") || Current.Is("//") || Current.Is("%"))
        {
            Token operation = Take();
            left = new Expression.Binary(operation.Line, operation.Text, left, Power());
        }
        return left;
    }

    private Expression Power()
    {
        Expression left = Unary();
        while (Current.Is("**"))
        {
            left = new Expression.Binary(Take().Line, "**", left, Unary());
        }
        return left;
    }

    private Expression Unary(bool withFilters = true)
    {
        RequireStack(Current.Line);
        Expression value = Current.Is("-") || Current.Is("+") ? new Expression.Unary(Current.Line, Take().Text, Unary(false)) : Primary();
        value = Postfix(value);
        return withFilters ? FiltersAndTests(value) : value;
    }

    private Expression Primary()
    {
        Token token = Take();
        switch (token.Kind)
        {
            case TokenKind.Name:
                if (s_reserved.Contains(token.Text))
                {
                    return new Expression.Constant(token.Line, token.Text is "none" or "None" ? null : token.Text is "true" or "True");
                }
                _mentioned.Add(token.Text);
                return new Expression.Name(token.Line, token.Text);
            case TokenKind.Text:
                string text = token.Text;
                while (Current.Kind == TokenKind.Text)
                {
                    text += Take().Text;
                }
                return new Expression.Constant(token.Line, text);
            case TokenKind.Integer:
                return new Expression.Constant(token.Line, Integer(token));
            case TokenKind.Float:
                return new Expression.Constant(token.Line,
                    double.Parse(token.Text.Replace("_", "", StringComparison.Ordinal), CultureInfo.InvariantCulture));
            case TokenKind.Operator when token.Text == "(":
                Expression inner = Tuple(inParentheses: true);
                Expect(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return new Expression.Sequence(token.Line, Items("]", () => Expression()), IsTuple: false);
            case TokenKind.Operator when token.Text == "{":
                return new Expression.Dict(token.Line, Items("}", () =>
                {
                    Expression key = Expression();
                    Expect(":");
                    return (key, Expression());
                }));
            default:
                throw new TemplateFault($"found {token.Description}, expected an expression", token.Line);
        }
    }

    private static BigInteger Integer(Token token)
    {
        return Numbers.Parse(token.Text, 0) ?? throw new TemplateFault($"the number has {token.Text.Length} digits", token.Line);
    }

    /// <summary>Parses items with commas between them up to a closing bracket; a comma may follow the last one.</summary>
    private List<T> Items<T>(string close, Func<T> item)
    {
        var items = new List<T>();
        while (!Skip(close))
        {
            if (items.Count > 0)
            {
                Expect(",");
                if (Skip(close))
                {
                    break;
                }
            }
            items.Add(item());
        }
        return items;
    }

    private Expression Postfix(Expression value)
    {
        while (true)
        {
            int line = Current.Line;
            if (Skip("."))
            {
                value = Current.Kind == TokenKind.Integer ? new Expression.Item(line, value, new Expression.Constant(line, Integer(Take())))
                    : new Expression.Attribute(line, value, Expect(TokenKind.Name, "a name").Text);
            }
            else if (Skip("["))
            {
                value = Subscript(line, value);
            }
            else if (Skip("("))
            {
                value = new Expression.Call(line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private Expression Subscript(int line, Expression value)
    {
        bool At(string operation) => Current.Is(operation);
        Expression? start = At(":") ? null : Expression();
        if (!At(":"))
        {
            List<Expression> indices = [start!];
            while (Skip(","))
            {
                indices.Add(Expression());
            }
            Expect("]");
            return new Expression.Item(line, value,
                indices.Count == 1 ? start! : new Expression.Sequence(line, indices, IsTuple: true));
        }
        Take();
        Expression? stop = At("]") || At(":") ? null : Expression();
        Expression? step = Skip(":") && !At("]") ? Expression() : null;
        if (At(","))
        {
            throw TemplateFault.Unsupported("a slice of several dimensions", line);
        }
        Expect("]");
        return new Expression.Slice(line, value, start, stop, step);
    }

    /// <summary>Parses the arguments behind an opening parenthesis.</summary>
    private Expression.CallArguments Arguments()
    {
        var positional = new List<Expression>();
        var named = new List<(string Name, Expression)>();
        Expression? star = null, starStar = null;
        bool isFirst = true;
        while (!Skip(")"))
        {
            if (!isFirst)
            {
                Expect(",");
                if (Skip(")"))
                {
                    break;
                }
            }
            isFirst = false;
            Token token = Current;
            bool isMisplaced = starStar is not null;
            if (Skip("*"))
            {
                isMisplaced |= star is not null;
                star = Expression();
            }
            else if (Skip("**"))
            {
                starStar = Expression();
            }
            else if (token.Kind == TokenKind.Name && Ahead.Is("="))
            {
                Take();
                Take();
                isMisplaced |= named.Exists(other => other.Name == token.Text);
                named.Add((token.Text, Expression()));
            }
            else
            {
                isMisplaced |= star is not null || named.Count > 0;
                positional.Add(Expression());
            }
            if (isMisplaced)
            {
                throw new TemplateFault("an argument of the call is out of place, or there twice", token.Line);
            }
        }
        return new(positional, named, star, starStar);
    }

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            int line = Current.Line;
            if (Skip("|"))
            {
                value = new Expression.Filter(line, value, Applied(Filters.Table, "filter"));
            }
            else if (SkipName("is"))
            {
                bool isNegated = SkipName("not");
                value = new Expression.Test(line, value, Applied(Tests.Table, "test"));
                value = isNegated ? new Expression.Unary(line, "not", value) : value;
            }
            else if (Skip("("))
            {
                value = new Expression.Call(line, value, Arguments());
            }
            else
            {
                return value;
            }
        }
    }

    private List<Expression.NamedCall> FilterChain()
    {
        var chain = new List<Expression.NamedCall>();
        while (Skip("|"))
        {
            chain.Add(Applied(Filters.Table, "filter"));
        }
        return chain;
    }

    /// <summary>Parses the name of a filter or a test with its arguments. A test's only argument needs no parentheses.</summary>
    private Expression.NamedCall Applied(BuiltinTable table, string kind)
    {
        Token name = Expect(TokenKind.Name, $"the name of a {kind}");
        string path = name.Text;
        while (Skip("."))
        {
            path += "." + Expect(TokenKind.Name, "a name").Text;
        }
        Builtin? function = table.GetValueOrDefault(path);
        if (function is null && _branches == 0)
        {
            _missing ??= table.Missing(kind, path, name.Line);
        }
        if (Skip("("))
        {
            return new(name.Line, path, function, Arguments());
        }
        bool hasOperand = kind == "test" && (Current.Kind is TokenKind.Name or TokenKind.Text or TokenKind.Integer or TokenKind.Float
            || Current.Is("(") || Current.Is("[") || Current.Is("{"))
            && !(Current.IsName("else") || Current.IsName("or") || Current.IsName("and"));
        if (!hasOperand)
        {
            return new(name.Line, path, function, Jinja.Expression.CallArguments.None);
        }
        return Current.IsName("is") ? throw new TemplateFault("tests with 'is' form no chain", name.Line)
            : new(name.Line, path, function, new([Postfix(Primary())], []));
    }
}
