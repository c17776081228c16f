namespace Skipwise.Chat.Jinja;

/// <summary>A token of a template.</summary>
/// <param name="Text">its text; of a string literal its value</param>
/// <param name="Line">1-based</param>
internal readonly record struct Token(TokenKind Kind, string Text, int Line)
{
    /// <summary>Whether it is this operator.</summary>
    public bool Is(string operation) => Kind == TokenKind.Operator && Text == operation;

    /// <summary>Whether it is this name or keyword.</summary>
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    /// <summary>What it is, for errors.</summary>
    public string Description => Kind switch
    {
        TokenKind.Data => "text",
        TokenKind.BlockBegin => "'{%'",
        TokenKind.BlockEnd => "'%}'",
        TokenKind.OutputBegin => "'{{'",
        TokenKind.OutputEnd => "'}}'",
        TokenKind.Text => "a string",
        TokenKind.End => "the end of the template",
        _ => $"'{Text}'",
    };
}
