using System.Text.RegularExpressions;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>HellaSwag: what happens next (Zellers et al. 2019), 10-shot. The harness removes the texts' leftover web markup.</summary>
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

    /// <remarks>Rows with a "query" were already cleaned by a harness and are used unchanged.</remarks>
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

    /// <summary>Removes markup in brackets ([title] becomes a full stop) and replaces double spaces once, as the harness does.</summary>
    public static string Clean(string text)
    {
        text = PythonText.Trim(text).Replace(" [title]", ". ", StringComparison.Ordinal);
        return Mark().Replace(text, "").Replace("  ", " ", StringComparison.Ordinal);
    }

    [GeneratedRegex(@"\[.*?\]")]
    private static partial Regex Mark();
}
