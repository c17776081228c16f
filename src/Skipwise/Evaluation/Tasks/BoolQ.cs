using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Yes or no to a question about a passage (Clark et al. 2019), in SuperGLUE's form.</summary>
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

    /// <remarks>"no" stands first: harness 2023 says yes only if it is strictly likelier, and 0.4 takes the first of equals.</remarks>
    private static TaskDocument Read(LocatedJson row, HarnessVersion harness) => TaskDocument.MultipleChoice(
        row, $"{row.Any("passage").Text}\nQuestion: {row.Any("question").Text}?\nAnswer:", ["no", "yes"],
        row.Any("label", "answer").Index());
}
