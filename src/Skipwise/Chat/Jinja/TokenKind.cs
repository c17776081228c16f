namespace Skipwise.Chat.Jinja;

/// <summary>The kind of a token.</summary>
internal enum TokenKind
{
    /// <summary>text that is output as it is</summary>
    Data,
    /// <summary>{%</summary>
    BlockBegin,
    /// <summary>%}</summary>
    BlockEnd,
    /// <summary>{{</summary>
    OutputBegin,
    /// <summary>}}</summary>
    OutputEnd,
    /// <summary>a variable, a keyword, the name of a filter</summary>
    Name,
    /// <summary>a string literal, without quotes and escapes</summary>
    Text,
    /// <summary>a whole number</summary>
    Integer,
    /// <summary>a floating-point number</summary>
    Float,
    /// <summary>operators, brackets and punctuation</summary>
    Operator,
    /// <summary>the end of the template</summary>
    End,
}
