using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>One question with its answers.</summary>
internal sealed record TaskDocument
{
    public required IReadOnlyList<Choice> Choices { get; init; }

    /// <summary>indices of the correct choices; exactly one except in TruthfulQA's mc2</summary>
    public required IReadOnlySet<int> GoldChoices { get; init; }

    /// <summary>question and gold answer, as a few-shot example for other questions</summary>
    public required string FewshotText { get; init; }

    /// <summary>the row it was read from; equal rows are the same question</summary>
    public required string Row { get; init; }

    /// <summary>A question whose choices follow it after a space, one of them correct.</summary>
    public static TaskDocument MultipleChoice(LocatedJson row, string question, IReadOnlyList<string> choices, int gold) => new()
    {
        Choices = [.. choices.Select(choice => new Choice(question, " " + choice, choice))],
        GoldChoices =
            new HashSet<int> { gold >= 0 && gold < choices.Count ? gold
                : throw row.Error($"has right answer number {gold} of {choices.Count} choices; a split without answers cannot be scored") },
        FewshotText = $"{question} {choices[gold]}",
        Row = row.Raw,
    };
}
