namespace Skipwise.Text;

/// <summary>One text, with the place it came from: "book.txt", "stories.txt#3" (third part) or "corpus.jsonl:12" (line 12).</summary>
public sealed record Document(string Text, string Origin);
