using Skipwise.Evaluation.Results;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A number per question, and the number that all questions give.</summary>
/// <param name="PerDocument">from a question and the scores of its choices</param>
/// <param name="IsPerplexity">the result is exp(-mean) instead of the mean</param>
internal sealed record TaskMetric(string Name, Func<TaskDocument, IReadOnlyList<RequestScore>, double> PerDocument,
    bool IsPerplexity = false)
{
    /// <summary>the likeliest choice is right; of equals the first counts</summary>
    public static TaskMetric Accuracy { get; } = new("acc", (document, scores) => Hit(document, scores, (score, _) => score.LogLikelihood));

    /// <summary>the likeliest choice per character is right; characters are code points</summary>
    public static TaskMetric NormalizedAccuracy { get; } =
        new("acc_norm",
            (document, scores) => Hit(document, scores, (score, choice) => score.LogLikelihood / PythonText.Length(choice.Text)));

    /// <summary>the best answer of TruthfulQA is the likeliest</summary>
    public static TaskMetric Mc1 { get; } = Accuracy with { Name = "mc1" };

    /// <summary>the share of probability that the true answers have</summary>
    public static TaskMetric Mc2 { get; } = new("mc2", (document, scores) =>
        Math.Exp(LogSumExp(scores.Where((_, i) => document.GoldChoices.Contains(i))) - LogSumExp(scores)));

    /// <summary>the model would have said it</summary>
    public static TaskMetric Greedy { get; } = new("acc", (_, scores) => scores[0].IsGreedy ? 1 : 0);

    public static TaskMetric Perplexity { get; } = new("perplexity", (_, scores) => scores[0].LogLikelihood, IsPerplexity: true);

    /// <summary>The mean with its standard error; of a perplexity exp(-mean), its error by bootstrap.</summary>
    public (double Value, double StandardError) Aggregate(double[] values, int resamples, CancellationToken cancel) => IsPerplexity
        ? (Math.Exp(-Statistics.Mean(values)), Bootstrap.StandardError(values, mean => Math.Exp(-mean), resamples, cancel))
        : (Statistics.Mean(values), Statistics.StandardError(values));

    /// <summary>What each question makes of the number; see <see cref="EvaluationRecord.Samples"/>.</summary>
    /// <param name="value">what <see cref="Aggregate"/> made of the values</param>
    public double[] Samples(double[] values, double value)
    {
        double mean = Statistics.Mean(values);
        return IsPerplexity ? [.. values.Select(own => value * (1 - (own - mean)))] : values;
    }

    private static double Hit(TaskDocument document, IReadOnlyList<RequestScore> scores, Func<RequestScore, Choice, double> value)
    {
        double[] values = [.. scores.Zip(document.Choices, value)];
        int likeliest = 0;
        for (int i = 1; i < values.Length; i++)
        {
            likeliest = values[i] > values[likeliest] ? i : likeliest;
        }
        return document.GoldChoices.Contains(likeliest) ? 1 : 0;
    }

    /// <summary>ln of a sum of probabilities that may be too small for any float; -infinity for none.</summary>
    private static double LogSumExp(IEnumerable<RequestScore> scores)
    {
        double[] logs = [.. scores.Select(score => score.LogLikelihood)];
        double max = logs.DefaultIfEmpty(double.NegativeInfinity).Max();
        return double.IsInfinity(max) ? max : max + Math.Log(logs.Sum(log => Math.Exp(log - max)));
    }
}
