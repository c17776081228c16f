namespace Skipwise.Documents;

/// <summary>One text, with the place it came from: "book.txt", "stories.txt#3" (third part), "corpus.jsonl:12" (line 12) or
/// "corpus.parquet#5" (fifth row).</summary>
public sealed record Document(string Text, string Origin)
{
    /// <summary>the field or column that held the text; null in files of plain text</summary>
    public string? Field { get; init; }
}
