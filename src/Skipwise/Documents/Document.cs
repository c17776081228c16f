namespace Skipwise.Documents;

/// <summary>One text with its origin: "book.txt", "stories.txt#3" (third part), "corpus.jsonl:12" (line 12) or
/// "corpus.parquet#5" (fifth row).</summary>
public sealed record Document(string Text, string Origin)
{
    /// <summary>the field or column of the text; null for plain text files</summary>
    public string? Field { get; init; }
}
