using Skipwise.Text;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Which of two ways reaches a goal in the physical world (Bisk et al. 2020).</summary>
internal static class Piqa
{
    public static TaskCard Card { get; } = new()
    {
        Name = "piqa",
        FileNames = ["piqa", "physicaliqa"],
        Scored = TaskSplit.Validation,
        DrawsOneMore = true,
        Read = Read,
        Metrics = [TaskMetric.Accuracy, TaskMetric.NormalizedAccuracy],
    };

    private static TaskDocument Read(JsonPlace row, Harness harness) => TaskDocument.Of(
        row, $"Question: {row.Any("goal").Text}\nAnswer:", [row.Any("sol1").Text, row.Any("sol2").Text], row.Any("label").Index());
}
