using System.Runtime.CompilerServices;

namespace Skipwise.Chat.Jinja;

/// <summary>Parses a template by jinja2's grammar. Here statements; the other part parses expressions.</summary>
internal sealed partial class Parser
{
    private static readonly HashSet<string> s_reserved = ["true", "false", "none", "True", "False", "None"];

    private readonly IReadOnlyList<Token> _tokens;
    private int _at;
    private int _loops; // around the statement, within the same macro
    private int _branches; // of conditions around the expression
    private TemplateFault? _missing; // a filter or test that does not exist, of an expression that is evaluated in any case
    private HashSet<string> _mentioned = [];

    private Parser(IReadOnlyList<Token> tokens) => _tokens = tokens;

    /// <summary>Parses a template.</summary>
    /// <exception cref="TemplateFault">it is not Jinja, or uses what is not supported</exception>
    public static IReadOnlyList<Statement> Parse(string source)
    {
        var parser = new Parser(Lexer.Split(source));
        return parser.Body();
    }

    private Token Current => _tokens[_at];

    private Token Ahead => _tokens[Math.Min(_at + 1, _tokens.Count - 1)];

    private Token Take() => _tokens[_at < _tokens.Count - 1 ? _at++ : _at];

    private bool Skip(string operation) => Current.Is(operation) && Take().Is(operation);

    private bool SkipName(string name) => Current.IsName(name) && Take().IsName(name);

    private Token Expect(TokenKind kind, string what) => Current.Kind == kind ? Take() : throw Unexpected(what);

    private void Expect(string operation)
    {
        if (!Skip(operation))
        {
            throw Unexpected($"'{operation}'");
        }
    }

    private TemplateFault Unexpected(string expected) => new($"found {Current.Description}, expected {expected}", Current.Line);

    private static void RequireStack(int line)
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateFault("is nested too deeply", line);
        }
    }

    /// <summary>Parses statements up to one of these keywords, which is not taken; to the end of the template if there are none.</summary>
    private List<Statement> Body(params ReadOnlySpan<string> ends)
    {
        RequireStack(Current.Line);
        int opened = Current.Line;
        var statements = new List<Statement>();
        while (Current.Kind != TokenKind.End)
        {
            Token token = Take();
            switch (token.Kind)
            {
                case TokenKind.Data:
                    statements.Add(new Statement.Data(token.Line, token.Text));
                    break;
                case TokenKind.OutputBegin:
                    statements.Add(new Statement.Output(token.Line, Tuple()));
                    Expect(TokenKind.OutputEnd, "'}}'");
                    break;
                default:
                    if (Current.Kind == TokenKind.Name && ends.Contains(Current.Text))
                    {
                        return statements;
                    }
                    statements.Add(Tag(Expect(TokenKind.Name, "the name of a statement")));
                    Expect(TokenKind.BlockEnd, "'%}'");
                    break;
            }
            if (_missing is { } missing)
            {
                throw missing;
            }
        }
        return ends.IsEmpty ? statements
            : throw new TemplateFault($"the template ends before {{% {ends[^1]} %}}", opened);
    }

    /// <summary>Parses the end of a tag, the statements up to a keyword, and the keyword.</summary>
    private List<Statement> Block(params ReadOnlySpan<string> ends)
    {
        Skip(":");
        Expect(TokenKind.BlockEnd, "'%}'");
        return Body(ends);
    }

    private List<Statement> BlockTo(string end)
    {
        List<Statement> body = Block(end);
        Take();
        return body;
    }

    private Statement Tag(Token name) => name.Text switch
    {
        "if" => If(name.Line),
        "for" => For(name.Line),
        "set" => Set(name.Line),
        "macro" => DefineMacro(name.Line),
        "call" => CallBlock(name.Line),
        "with" => With(name.Line),
        "print" => Print(name.Line),
        "filter" => new Statement.FilterBlock(name.Line, [Applied(Filters.Table, "filter"), .. FilterChain()], BlockTo("endfilter")),
        "generation" => new Statement.Generation(name.Line, OutsideLoops(() => BlockTo("endgeneration"))),
        "break" or "continue" => _loops > 0 ? new Statement.Leave(name.Line, name.Text == "break")
            : throw new TemplateFault($"'{name.Text}' stands outside of a loop", name.Line),
        "block" or "extends" or "include" or "import" or "from" or "autoescape" =>
            throw TemplateFault.Unsupported($"the statement {{% {name.Text} %}}", name.Line),
        _ => throw new TemplateFault($"there is no statement {{% {name.Text} %}} here", name.Line),
    };

    private Statement.Output Print(int line)
    {
        var parts = new List<Expression>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (parts.Count > 0)
            {
                Expect(",");
            }
            parts.Add(Expression());
        }
        return new(line, new Expression.Concatenation(line, parts));
    }

    private Statement.If If(int line)
    {
        var branches = new List<(Expression, IReadOnlyList<Statement>)>();
        IReadOnlyList<Statement> otherwise = [];
        _branches++;
        do
        {
            branches.Add((Tuple(withConditional: false), Block("elif", "else", "endif")));
        }
        while (SkipName("elif"));
        if (SkipName("else"))
        {
            otherwise = Block("endif");
        }
        _branches--;
        Take();
        return new(line, branches, otherwise);
    }

    private Statement.For For(int line)
    {
        Expression target = Target("in");
        if (!SkipName("in"))
        {
            throw Unexpected("'in'");
        }
        Expression items = Tuple(withConditional: false, "recursive");
        Expression? only = SkipName("if") ? Expression() : null;
        if (Current.IsName("recursive"))
        {
            throw TemplateFault.Unsupported("a recursive loop", Current.Line);
        }
        _loops++;
        List<Statement> body = Block("endfor", "else");
        _loops--;
        List<Statement> otherwise = SkipName("else") ? Block("endfor") : [];
        Take();
        return new(line, target, items, only, body, otherwise);
    }

    private Statement Set(int line)
    {
        Expression target = Target("", withNamespace: true);
        if (Skip("="))
        {
            return new Statement.Set(line, target, Tuple());
        }
        List<Expression.NamedCall> filters = FilterChain();
        return new Statement.SetBlock(line, target, filters, BlockTo("endset"));
    }

    private Statement.With With(int line)
    {
        var variables = new List<(Expression, Expression)>();
        while (Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0)
            {
                Expect(",");
            }
            Expression target = Target("");
            Expect("=");
            variables.Add((target, Expression()));
        }
        return new(line, variables, BlockTo("endwith"));
    }

    private Statement.DefineMacro DefineMacro(int line)
    {
        string name = NewName();
        return new(line, name, Callee("endmacro", Signature()));
    }

    private Statement.CallBlock CallBlock(int line)
    {
        List<(string, Expression?)> parameters = Current.Is("(") ? Signature() : [];
        return Expression() is Expression.Call call ? new(line, call, Callee("endcall", parameters))
            : throw new TemplateFault("{% call %} needs a call", line);
    }

    private Statement.Callee Callee(string end, IReadOnlyList<(string, Expression?)> parameters)
    {
        HashSet<string> outer = _mentioned;
        _mentioned = [];
        List<Statement> body = OutsideLoops(() => BlockTo(end));
        var macro = new Statement.Callee(parameters, body, _mentioned);
        outer.UnionWith(_mentioned);
        _mentioned = outer;
        return macro;
    }

    private List<Statement> OutsideLoops(Func<List<Statement>> parse)
    {
        int around = _loops;
        _loops = 0;
        List<Statement> body = parse();
        _loops = around;
        return body;
    }

    private List<(string, Expression?)> Signature()
    {
        var parameters = new List<(string, Expression?)>();
        Expect("(");
        while (!Current.Is(")"))
        {
            if (parameters.Count > 0)
            {
                Expect(",");
            }
            Token name = Current;
            parameters.Add((NewName(), Skip("=") ? Expression() : null));
            if (parameters[^1].Item2 is null && parameters.Count > 1 && parameters[^2].Item2 is not null)
            {
                throw new TemplateFault($"the parameter '{name.Text}' without a default follows one with a default", name.Line);
            }
        }
        Take();
        return parameters;
    }

    private string NewName() => Expect(TokenKind.Name, "the name of a variable") is var name && !s_reserved.Contains(name.Text) ? name.Text
        : throw new TemplateFault($"nothing can be assigned to '{name.Text}'", name.Line);

    /// <summary>Parses what is assigned to: a name, an attribute of a namespace, or several of them.</summary>
    /// <param name="end">a keyword that may follow a comma at the end</param>
    private Expression Target(string end, bool withNamespace = false)
    {
        int line = Current.Line;
        var targets = new List<Expression>();
        bool isTuple = false;
        while (!(targets.Count > 0 && (Current.Kind == TokenKind.BlockEnd || Current.Is(")") || Current.IsName(end))))
        {
            targets.Add(OneTarget(withNamespace));
            if (!Skip(","))
            {
                break;
            }
            isTuple = true;
        }
        return isTuple ? new Expression.Sequence(line, targets, IsTuple: true) : targets[0];
    }

    private Expression OneTarget(bool withNamespace)
    {
        RequireStack(Current.Line);
        if (Skip("("))
        {
            Expression inner = Target("", withNamespace);
            Expect(")");
            return inner;
        }
        int line = Current.Line;
        var name = new Expression.Name(line, NewName());
        return withNamespace && Skip(".") ? new Expression.Attribute(line, name, Expect(TokenKind.Name, "a name").Text) : name;
    }
}
