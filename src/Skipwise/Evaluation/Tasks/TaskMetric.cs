using Skipwise.Evaluation.Results;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A metric: a value per question, and its aggregate over all questions.</summary>
/// <param name="PerDocument">the value of a question, from the scores of its choices</param>
/// <param name="IsPerplexity">the result is exp(-mean) instead of the mean</param>
internal sealed record TaskMetric(string Name, Func<TaskDocument, IReadOnlyList<RequestScore>, double> PerDocument,
    bool IsPerplexity = false)
{
    /// <summary>whether the most likely choice is correct; the first of equals counts</summary>
    public static TaskMetric Accuracy { get; } = new("acc", (document, scores) => Hit(document, scores, (score, _) => score.LogLikelihood));

    /// <summary>whether the choice with the highest log-likelihood per character (code point) is correct</summary>
    public static TaskMetric NormalizedAccuracy { get; } =
        new("acc_norm",
            (document, scores) => Hit(document, scores, (score, choice) => score.LogLikelihood / PythonText.Length(choice.Text)));

    /// <summary>whether TruthfulQA's best answer is the most likely one</summary>
    public static TaskMetric Mc1 { get; } = Accuracy with { Name = "mc1" };

    /// <summary>the normalized total probability of the true answers</summary>
    public static TaskMetric Mc2 { get; } = new("mc2", (document, scores) =>
        Math.Exp(LogSumExp(scores.Where((_, i) => document.GoldChoices.Contains(i))) - LogSumExp(scores)));

    /// <summary>whether greedy decoding would generate the answer</summary>
    public static TaskMetric Greedy { get; } = new("acc", (_, scores) => scores[0].IsGreedy ? 1 : 0);

    public static TaskMetric Perplexity { get; } = new("perplexity", (_, scores) => scores[0].LogLikelihood, IsPerplexity: true);

    /// <summary>The mean with its standard error; for a perplexity exp(-mean), with a bootstrap standard error.</summary>
    public (double Value, double StandardError) Aggregate(double[] values, int resamples, CancellationToken cancel) => IsPerplexity
        ? (Math.Exp(-Statistics.Mean(values)), Bootstrap.StandardError(values, mean => Math.Exp(-mean), resamples, cancel))
        : (Statistics.Mean(values), Statistics.StandardError(values));

    /// <summary>Each question's contribution to the aggregate; see <see cref="EvaluationRecord.Samples"/>.</summary>
    /// <param name="value">the result of <see cref="Aggregate"/></param>
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
