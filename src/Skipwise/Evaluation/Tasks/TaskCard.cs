using Skipwise.Text;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A part of a data set.</summary>
internal enum TaskSplit
{
    Train,
    Validation,
    Test,
}

/// <summary>A benchmark task as data: where its questions come from, how one becomes text, and what is measured.</summary>
internal sealed record TaskCard
{
    public required string Name { get; init; }

    /// <summary>one of these stands in the path of the task's files (lower case, letters and digits, all else as _)</summary>
    public required IReadOnlyList<string> FileNames { get; init; }

    /// <summary>words that single out one of several variants of the data</summary>
    public IReadOnlyList<string> PreferredWords { get; init; } = [];

    /// <summary>the split whose questions are scored</summary>
    public required TaskSplit Scored { get; init; }

    /// <summary>examples before each question unless the user says otherwise</summary>
    public int Shots { get; init; }

    /// <summary>the prompt has its own examples, and no more are allowed</summary>
    public bool RefusesShots { get; init; }

    /// <summary>harness 0.4 draws one example more than it uses, from whatever split: its configuration names neither a test nor a few-shot split</summary>
    public bool DrawsOneMore { get; init; }

    /// <summary>a row of a file as a question</summary>
    public required Func<JsonPlace, Harness, TaskDocument> Read { get; init; }

    public required IReadOnlyList<TaskMetric> Metrics { get; init; }
}

/// <summary>One question with its answers.</summary>
internal sealed record TaskDocument
{
    public required IReadOnlyList<Choice> Choices { get; init; }

    /// <summary>the choices that are right; exactly one but for TruthfulQA's mc2</summary>
    public required IReadOnlySet<int> Right { get; init; }

    /// <summary>question and right answer, as an example for other questions</summary>
    public required string Shot { get; init; }

    /// <summary>the row it was read from: equal rows are one question</summary>
    public required string Row { get; init; }

    /// <summary>A question after which every choice stands with a blank before it, one of them right.</summary>
    public static TaskDocument Of(JsonPlace row, string question, IReadOnlyList<string> choices, int gold) => new()
    {
        Choices = [.. choices.Select(choice => new Choice(question, " " + choice, choice))],
        Right = new HashSet<int> { gold >= 0 && gold < choices.Count ? gold : throw row.Error($"has right answer number {gold} of {choices.Count} choices; a split without answers cannot be scored") },
        Shot = $"{question} {choices[gold]}",
        Row = row.Raw,
    };
}

/// <summary>One answer: how likely is the continuation after the context?</summary>
/// <param name="Context">without examples</param>
/// <param name="Text">the answer itself, whose length acc_norm divides by</param>
internal readonly record struct Choice(string Context, string Continuation, string Text);
