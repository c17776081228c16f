using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>One question with its answers.</summary>
internal sealed record TaskDocument
{
    public required IReadOnlyList<Choice> Choices { get; init; }

    /// <summary>the choices that are right; exactly one but for TruthfulQA's mc2</summary>
    public required IReadOnlySet<int> GoldChoices { get; init; }

    /// <summary>question and right answer, as an example for other questions</summary>
    public required string FewshotText { get; init; }

    /// <summary>the row it was read from: equal rows are one question</summary>
    public required string Row { get; init; }

    /// <summary>A question after which every choice stands with a blank before it, one of them right.</summary>
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
