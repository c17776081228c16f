using System.Text.Json.Serialization;

namespace Skipwise.Documents;

/// <summary>How files become documents.</summary>
public sealed record DocumentOptions
{
    /// <summary>Text that separates the documents within a text file, such as &lt;|endoftext|&gt;; null: a file is one document.
    /// White space around the separator belongs to no document.</summary>
    public string? SeparatorText { get; init; }

    /// <summary>Member of each JSON object, or column of each CSV or Parquet file, that holds the text; null: the one that has a usual name
    /// (<see cref="TextField"/>).</summary>
    public string? Field { get; init; }

    /// <summary>How much a file may ask for. What is read does not depend on it, so no settings tell it.</summary>
    [JsonIgnore]
    public LimitOptions Limits { get; init; } = new();
}
