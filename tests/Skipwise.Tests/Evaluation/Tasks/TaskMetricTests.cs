using Skipwise.Evaluation.Tasks;

namespace Skipwise.Tests.Evaluation.Tasks;

public class TaskMetricTests
{
    private static TaskDocument Document(int[] right, params string[] choices) =>
        new()
        {
            Choices = [.. choices.Select(text => new Choice("", " " + text, text))],
            GoldChoices = right.ToHashSet(),
            FewshotText = "",
            Row = ""
        };

    private static RequestScore[] Scores(params double[] logs) => [.. logs.Select(log => new RequestScore(log, false))];

    [Fact]
    public void Accuracy_takes_the_first_of_equals()
    {
        TaskDocument document = Document([1], "a", "b", "c");
        Assert.Equal(1, TaskMetric.Accuracy.PerDocument(document, Scores(-3, -1, -2)));
        Assert.Equal(0, TaskMetric.Accuracy.PerDocument(document, Scores(-1, -1, -2)));
        Assert.Equal(1, TaskMetric.Accuracy.PerDocument(document, Scores(-2, -1, -1)));
    }

    [Fact]
    public void Normalized_accuracy_divides_by_code_points()
    {
        // bytes: 2, 4; UTF-16 units: 2, 2; code points: 2, 1
        TaskDocument document = Document([0], "ab", "🦙");
        Assert.Equal(0, TaskMetric.Accuracy.PerDocument(document, Scores(-3, -2)));
        Assert.Equal(1, TaskMetric.NormalizedAccuracy.PerDocument(document, Scores(-3, -2))); // -1.5 against -2, where units would say -1
    }

    [Fact]
    public void Mc2_is_a_share_of_probability()
    {
        TaskDocument document = Document([0, 2], "a", "b", "c");
        Assert.Equal(0.4, TaskMetric.Mc2.PerDocument(document, Scores(Math.Log(0.1), Math.Log(0.6), Math.Log(0.3))), 1e-12);
        // e^-800 is zero in every float; the shares stay
        Assert.Equal(0.4, TaskMetric.Mc2.PerDocument(document, Scores(Math.Log(0.1) - 800, Math.Log(0.6) - 800, Math.Log(0.3) - 800)),
            1e-9);
        Assert.Equal(0, TaskMetric.Mc2.PerDocument(Document([], "a", "b"), Scores(-1, -2)));
        Assert.Equal(1, TaskMetric.Mc2.PerDocument(Document([0, 1], "a", "b"), Scores(-1, -2)), 1e-12);
    }

    [Fact]
    public void Means_and_standard_errors()
    {
        (double value, double error) = TaskMetric.Accuracy.Aggregate([1, 0, 1, 1], 1000, default);
        Assert.Equal((0.75, Math.Sqrt(0.25 / 4)), (value, error)); // variance (3 * 1/16 + 9/16) / 3 = 1/4
        (value, error) = TaskMetric.Perplexity.Aggregate([-0.5, -2.25, -1.0, -3.5, -0.125], 3500, default);
        Assert.Equal(Math.Exp(1.475), value, 1e-12);
        Assert.Equal(3.2176085544848827, error, 1e-12); // CPython's bootstrap
    }
}
