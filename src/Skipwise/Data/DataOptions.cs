using Skipwise.Documents;

namespace Skipwise.Data;

/// <summary>Where the text comes from.</summary>
public sealed record DataOptions
{
    /// <summary>text files, folders of them, or one token store that <c>prepare</c> wrote</summary>
    [PathName(Name = "--data")]
    public required IReadOnlyList<string> Paths { get; init; }
    public DocumentOptions Documents { get; init; } = new();
}
