using System.Text.Json.Serialization;
using Skipwise.Documents;

namespace Skipwise.Data;

/// <summary>The source of training text.</summary>
public sealed record DataOptions
{
    /// <summary>text files, folders of them, or one token store that <c>prepare</c> wrote</summary>
    [PathName]
    public IReadOnlyList<string> Paths { get; init; } = [];
    /// <summary>texts in memory, one document each, instead of <see cref="Paths"/>; null: read the paths</summary>
    [JsonIgnore]
    public IEnumerable<string>? Texts { get; init; }
    /// <summary>how files are split into documents</summary>
    public DocumentOptions Documents { get; init; } = new();

    /// <summary>The documents, read as they are asked for.</summary>
    /// <exception cref="SkipwiseException">a file that cannot be read, or both texts and paths</exception>
    public IEnumerable<Document> Read() => (Texts, Paths.Count) switch
    {
        (null, _) => DocumentReader.Read(Paths, Documents),
        (_, 0) => Texts.Select((text, index) => new Document(text, $"text {index + 1}")),
        _ => throw new SkipwiseException("Data are given both as texts in memory and as files: give one of them."),
    };
}
