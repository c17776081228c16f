using System.Text.RegularExpressions;

namespace Skipwise.Chat.Jinja;

/// <summary>
/// Splits a template into tokens, as jinja2 does with transformers' settings: the first line end behind a block is dropped (trim_blocks),
/// as are spaces between the beginning of a line and a block (lstrip_blocks); - and + in a tag decide for themselves.
/// </summary>
internal sealed partial class Lexer
{
    private static readonly string[] s_operators =
    [
        "**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",",
        ";",
    ];

    private readonly string _source;
    private readonly List<Token> _tokens = [];
    private int _at, _line = 1;

    private Lexer(string source) => _source = source;

    /// <summary>Splits a template.</summary>
    /// <exception cref="TemplateFault">a tag is not closed, or contains what no token begins with</exception>
    public static IReadOnlyList<Token> Split(string source)
    {
        string lines = source.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        var lexer = new Lexer(lines.EndsWith('\n') ? lines[..^1] : lines);
        while (lexer._at < lexer._source.Length)
        {
            lexer.Next();
        }
        lexer.Add(TokenKind.End, "");
        return lexer._tokens;
    }

    /// <summary>Reads text up to a tag, and the tag.</summary>
    private void Next()
    {
        int tag = _at;
        do
        {
            tag = _source.IndexOf('{', tag);
        }
        while (tag >= 0 && !(tag + 1 < _source.Length && _source[tag + 1] is '%' or '{' or '#') && ++tag > 0);
        if (tag < 0)
        {
            Add(TokenKind.Data, _source[_at..]);
            Advance(_source.Length);
            return;
        }
        char kind = _source[tag + 1];
        Match raw = kind == '%' ? RawBegin().Match(_source, tag) : Match.Empty;
        char sign = SignAt(tag + 2);
        AddData(tag, sign, isBlock: kind != '{');
        if (raw.Success)
        {
            Advance(tag + raw.Length);
            Match end = RawEnd().Match(_source, _at);
            if (!end.Success)
            {
                throw new TemplateFault("'{% raw %}' is not closed", _line);
            }
            AddData(end.Index, SignAt(end.Index + 2), isBlock: true);
            Advance(end.Index + end.Length);
            return;
        }
        Advance(tag + (sign == ' ' ? 2 : 3));
        if (kind == '#')
        {
            Match end = CommentEnd().Match(_source, _at);
            Advance(end.Success ? end.Index + end.Length : throw new TemplateFault("'{#' is not closed", _line));
            return;
        }
        Add(kind == '%' ? TokenKind.BlockBegin : TokenKind.OutputBegin, "");
        Inside(kind == '%');
    }

    /// <summary>Adds the text before a tag, without the white space that the tag takes along.</summary>
    private void AddData(int tag, char sign, bool isBlock)
    {
        int end = tag;
        if (sign == '-')
        {
            while (end > _at && Characters.IsSpace(_source[end - 1]))
            {
                end--;
            }
        }
        else if (sign != '+' && isBlock && tag > _at)
        {
            int start = _at + _source.AsSpan(_at, tag - _at).LastIndexOf('\n') + 1;
            if ((start == 0 || _source[start - 1] == '\n') && _source.AsSpan(start, tag - start) is var indent && IsSpace(indent))
            {
                end = start;
            }
        }
        if (end > _at)
        {
            Add(TokenKind.Data, _source[_at..end]);
        }
        Advance(tag);
    }

    /// <summary>Reads the tokens of a tag and its end.</summary>
    private void Inside(bool isBlock)
    {
        var open = new Stack<char>();
        while (_at < _source.Length)
        {
            Match end = open.Count > 0 ? Match.Empty : (isBlock ? BlockEnd() : OutputEnd()).Match(_source, _at);
            if (end.Success)
            {
                Add(isBlock ? TokenKind.BlockEnd : TokenKind.OutputEnd, "");
                Advance(_at + end.Length);
                return;
            }
            if (Characters.IsSpace(_source[_at]))
            {
                Advance(_at + 1);
            }
            else if (!(Read(Float(), TokenKind.Float) || Read(Integer(), TokenKind.Integer) || Read(Name(), TokenKind.Name) || ReadText()))
            {
                ReadOperator(open);
            }
        }
    }

    private bool Read(Regex pattern, TokenKind kind)
    {
        Match found = pattern.Match(_source, _at);
        if (found.Success)
        {
            Add(kind, found.Value);
            Advance(_at + found.Length);
        }
        return found.Success;
    }

    private bool ReadText()
    {
        char quote = _source[_at];
        if (quote is not ('\'' or '"'))
        {
            return false;
        }
        int end = _at + 1;
        while (end < _source.Length && _source[end] != quote)
        {
            end += _source[end] == '\\' ? 2 : 1;
        }
        if (end >= _source.Length)
        {
            throw new TemplateFault("a string is not closed", _line);
        }
        Add(TokenKind.Text, StringLiteral.Unescape(_source.AsSpan(_at + 1, end - _at - 1), _line));
        Advance(end + 1);
        return true;
    }

    private void ReadOperator(Stack<char> open)
    {
        string operation = s_operators.FirstOrDefault(text => string.CompareOrdinal(_source, _at, text, 0, text.Length) == 0)
            ?? throw new TemplateFault($"the character '{_source[_at]}' begins nothing that is known", _line);
        char first = operation[0];
        if (first is '(' or '[' or '{')
        {
            open.Push(first switch { '(' => ')', '[' => ']', _ => '}' });
        }
        else if (first is ')' or ']' or '}' && !(open.TryPop(out char expected) && expected == first))
        {
            throw new TemplateFault($"'{first}' closes nothing", _line);
        }
        Add(TokenKind.Operator, operation);
        Advance(_at + operation.Length);
    }

    private char SignAt(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : ' ';

    private static bool IsSpace(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
        {
            if (!Characters.IsSpace(c))
            {
                return false;
            }
        }
        return true;
    }

    private void Add(TokenKind kind, string text) => _tokens.Add(new(kind, text, _line));

    private void Advance(int to)
    {
        _line += _source.AsSpan(_at, to - _at).Count('\n');
        _at = to;
    }

    private const string Space = @"[\s\x1c-\x1f]*";

    [GeneratedRegex(@"\G\{%[-+]?" + Space + "raw" + Space + "(?:-%}" + Space + "|%})")]
    private static partial Regex RawBegin();

    [GeneratedRegex(@"\{%[-+]?" + Space + "endraw" + Space + @"(?:\+%}|-%}" + Space + @"|%}\n?)")]
    private static partial Regex RawEnd();

    [GeneratedRegex(@"\+#}|-#}" + Space + @"|#}\n?")]
    private static partial Regex CommentEnd();

    [GeneratedRegex(@"\G(?:\+%}|-%}" + Space + @"|%}\n?)")]
    private static partial Regex BlockEnd();

    [GeneratedRegex(@"\G(?:-}}" + Space + "|}})")]
    private static partial Regex OutputEnd();

    [GeneratedRegex(@"\G(?<!\.)(?:[0-9]+_)*[0-9]+(?:(?:\.(?:[0-9]+_)*[0-9]+)?[eE][+-]?(?:[0-9]+_)*[0-9]+|\.(?:[0-9]+_)*[0-9]+)")]
    private static partial Regex Float();

    [GeneratedRegex(@"\G(?:0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[0-9a-fA-F])+|[1-9](?:_?[0-9])*|0(?:_?0)*)")]
    private static partial Regex Integer();

    [GeneratedRegex(@"\G[\p{L}_][\p{L}\p{Nd}_]*")]
    private static partial Regex Name();
}
