namespace Skipwise.Recipes;

/// <summary>One number measured while a run trains, as one JSON line says it.</summary>
/// <param name="Step">steps done</param>
/// <param name="Task">perplexity or passkey</param>
/// <param name="Metric">perplexity or accuracy</param>
/// <param name="Length">window or prompt, in tokens</param>
/// <param name="Value">what was measured</param>
/// <param name="StandardError">of the value, over documents</param>
/// <param name="Count">tokens or prompts</param>
public sealed record MeasuredPoint(int Step, string Task, string Metric, int Length, double Value, double? StandardError = null, long? Count = null);

/// <summary>The best of a run's measurements so far, and how long ago it was. A fold over the log: nothing else has to be saved.</summary>
/// <param name="BestStep">0 before the first measurement</param>
/// <param name="BestScore">lower is better</param>
/// <param name="SinceBest">measurements after the best one</param>
public sealed record Standing(int BestStep = 0, double BestScore = double.PositiveInfinity, int SinceBest = 0)
{
    /// <param name="points">a run's measurements, in order</param>
    public static Standing Of(IEnumerable<MeasuredPoint> points) =>
        points.GroupBy(point => point.Step).Aggregate(new Standing(), (standing, step) => standing.After(step.Key, [.. step]));

    /// <summary>Takes in the measurements of one more step. A tie is no improvement.</summary>
    public Standing After(int step, IReadOnlyList<MeasuredPoint> points)
    {
        double score = ScoreOf(points);
        return score < BestScore ? new Standing(step, score) : this with { SinceBest = SinceBest + 1 };
    }

    /// <summary>What decides: perplexity in the longest window; without perplexity, the accuracy over all prompts (negated).</summary>
    public static double ScoreOf(IReadOnlyList<MeasuredPoint> points)
    {
        MeasuredPoint[] perplexities = [.. points.Where(point => point.Task == "perplexity")];
        double score = perplexities.Length > 0 ? perplexities.MaxBy(point => point.Length)!.Value : -points.Average(point => point.Value);
        return double.IsNaN(score) ? double.PositiveInfinity : score;
    }
}
