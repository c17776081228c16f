using System.Text.Json.Serialization;

namespace Skipwise.Documents;

/// <summary>Options of reading documents from files.</summary>
public sealed record DocumentOptions
{
    /// <summary>Separator of the documents in a text file, such as &lt;|endoftext|&gt;; null: a file is one document. White space around
    /// the separator is dropped.</summary>
    public string? SeparatorText { get; init; }

    /// <summary>Field of each JSON object, or column of each CSV or Parquet file, with the text; null: the one with a usual name
    /// (<see cref="TextField"/>).</summary>
    public string? Field { get; init; }

    /// <summary>Limits of memory and decompression. They do not affect the text, so they are not part of recorded settings.</summary>
    [JsonIgnore]
    public LimitOptions Limits { get; init; } = new();
}
