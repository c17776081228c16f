using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A part of a data set.</summary>
internal enum TaskSplit
{
    Train,
    Validation,
    Test,
}

/// <summary>A benchmark task as data: where its questions come from, how one becomes text, and what is measured.</summary>
internal sealed record TaskConfig
{
    public required string Name { get; init; }

    /// <summary>one of these stands in the path of the task's files (lower case, letters and digits, all else as _)</summary>
    public required IReadOnlyList<string> FileNames { get; init; }

    /// <summary>words that single out one of several variants of the data</summary>
    public IReadOnlyList<string> PreferredWords { get; init; } = [];

    /// <summary>the split whose questions are scored</summary>
    public required TaskSplit Scored { get; init; }

    /// <summary>examples before each question unless the user says otherwise</summary>
    public int NumFewshot { get; init; }

    /// <summary>the prompt has its own examples, and no more are allowed</summary>
    public bool ForbidsFewshot { get; init; }

    /// <summary>harness 0.4 draws one example more than it uses, from whatever split: its configuration names neither a test nor a few-shot
    /// split</summary>
    public bool DrawsExtraShot { get; init; }

    /// <summary>a row of a file as a question</summary>
    public required Func<LocatedJson, HarnessVersion, TaskDocument> Read { get; init; }

    public required IReadOnlyList<TaskMetric> Metrics { get; init; }
}
