using System.Text.RegularExpressions;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>What happens next (Zellers et al. 2019), after 10 examples. The texts carry marks of the web pages they come from, which the
/// harness cleans away.</summary>
internal static partial class HellaSwag
{
    public static TaskConfig Card { get; } = new()
    {
        Name = "hellaswag",
        FileNames = ["hellaswag"],
        Scored = TaskSplit.Validation,
        NumFewshot = 10,
        DrawsExtraShot = true,
        Read = Read,
        Metrics = [TaskMetric.Accuracy, TaskMetric.NormalizedAccuracy],
    };

    /// <remarks>Rows with a "query" were cleaned by a harness before they were written; they are taken as they are.</remarks>
    private static TaskDocument Read(LocatedJson row, HarnessVersion harness)
    {
        IReadOnlyList<string> endings = row.Any("endings", "ending_options", "choices").Texts();
        int gold = row.Any("label", "gold").Index();
        if (row.Find("query") is { } query)
        {
            return TaskDocument.MultipleChoice(row, query.Text, endings, gold);
        }
        string context = $"{row.Any("ctx_a").Text} {PythonText.Capitalize(row.Any("ctx_b").Text)}";
        return TaskDocument.MultipleChoice(row, Clean($"{row.Any("activity_label").Text}: {context}"), [.. endings.Select(Clean)], gold);
    }

    /// <summary>Marks in brackets go, the one before a title for a full stop; two blanks become one, once.</summary>
    public static string Clean(string text)
    {
        text = PythonText.Trim(text).Replace(" [title]", ". ", StringComparison.Ordinal);
        return Mark().Replace(text, "").Replace("  ", " ", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\[.*?\]")]
    private static partial Regex Mark();
}
