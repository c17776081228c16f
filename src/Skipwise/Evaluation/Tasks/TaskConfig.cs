using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A split of a dataset.</summary>
internal enum TaskSplit
{
    Train,
    Validation,
    Test,
}

/// <summary>A benchmark task as data: its files, its prompt and its metrics.</summary>
internal sealed record TaskConfig
{
    public required string Name { get; init; }

    /// <summary>names of which one is in the path of the task's files (lower case, letters and digits, all else as _)</summary>
    public required IReadOnlyList<string> FileNames { get; init; }

    /// <summary>words that single out one of several variants of the data</summary>
    public IReadOnlyList<string> PreferredWords { get; init; } = [];

    /// <summary>the split whose questions are scored</summary>
    public required TaskSplit Scored { get; init; }

    /// <summary>default number of few-shot examples</summary>
    public int NumFewshot { get; init; }

    /// <summary>whether the prompt has its own examples and allows no others</summary>
    public bool ForbidsFewshot { get; init; }

    /// <summary>whether harness 0.4 draws one example more than it uses, from any split: its configuration defines neither a test nor a
    /// few-shot split</summary>
    public bool DrawsExtraShot { get; init; }

    /// <summary>converts a row of a file to a question</summary>
    public required Func<LocatedJson, HarnessVersion, TaskDocument> Read { get; init; }

    public required IReadOnlyList<TaskMetric> Metrics { get; init; }
}
