using Skipwise.Storage;

namespace Skipwise.Evaluation.Tasks;

/// <summary>PIQA: which of two solutions reaches a goal in the physical world (Bisk et al. 2020).</summary>
internal static class Piqa
{
    public static TaskConfig Card { get; } = new()
    {
        Name = "piqa",
        FileNames = ["piqa", "physicaliqa"],
        Scored = TaskSplit.Validation,
        DrawsExtraShot = true,
        Read = Read,
        Metrics = [TaskMetric.Accuracy, TaskMetric.NormalizedAccuracy],
    };

    private static TaskDocument Read(LocatedJson row, HarnessVersion harness) => TaskDocument.MultipleChoice(
        row, $"Question: {row.Any("goal").Text}\nAnswer:", [row.Any("sol1").Text, row.Any("sol2").Text], row.Any("label").Index());
}
