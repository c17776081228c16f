namespace Skipwise.Runs;

/// <summary>The best checkpoint so far, and the evaluations since. A fold over the log: nothing else has to be saved.</summary>
/// <param name="BestStep">0 before the first evaluation</param>
/// <param name="BestScore">lower is better</param>
/// <param name="EvaluationsSinceBest">evaluations after the best one</param>
internal sealed record BestCheckpoint(int BestStep = 0, double BestScore = double.PositiveInfinity, int EvaluationsSinceBest = 0)
{
    /// <param name="points">a run's evaluation results, in order</param>
    public static BestCheckpoint FromPoints(IEnumerable<EvaluationPoint> points) =>
        points.GroupBy(point => point.Step).Aggregate(new BestCheckpoint(), (standing, step) => standing.Update(step.Key, [.. step]));

    /// <summary>Adds the evaluation of one more step. A tie is no improvement.</summary>
    public BestCheckpoint Update(int step, IReadOnlyList<EvaluationPoint> points)
    {
        double score = ScoreOf(points);
        return score < BestScore ? new BestCheckpoint(step, score) : this with { EvaluationsSinceBest = EvaluationsSinceBest + 1 };
    }

    /// <summary>
    /// Score of a step, lower is better: perplexity in the longest window; without perplexity, the negated accuracy over all prompts.
    /// </summary>
    public static double ScoreOf(IReadOnlyList<EvaluationPoint> points)
    {
        EvaluationPoint[] perplexities = [.. points.Where(point => point.Task == "perplexity")];
        double score = perplexities.Length > 0 ? perplexities.MaxBy(point => point.Length)!.Value : -points.Average(point => point.Value);
        return double.IsNaN(score) ? double.PositiveInfinity : score;
    }
}
