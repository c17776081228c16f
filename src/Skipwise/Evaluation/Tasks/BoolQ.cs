using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>BoolQ: yes or no to a question about a passage (Clark et al. 2019), in SuperGLUE's form.</summary>
internal static class BoolQ
{
    public static TaskConfig Card { get; } = new()
    {
        Name = "boolq",
        FileNames = ["boolq"],
        Scored = TaskSplit.Validation,
        DrawsExtraShot = true,
        Read = Read,
        Metrics = [TaskMetric.Accuracy],
    };

    /// <remarks>"no" comes first: harness 2023 answers yes only if it is strictly more likely, and 0.4 takes the first of equals.</remarks>
    private static TaskDocument Read(LocatedJson row, HarnessVersion harness) => TaskDocument.MultipleChoice(
        row, $"{row.Any("passage").Text}\nQuestion: {row.Any("question").Text}?\nAnswer:", ["no", "yes"],
        row.Any("label", "answer").Index());
}
