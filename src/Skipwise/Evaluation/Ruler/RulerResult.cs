using Skipwise.Evaluation.Results;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>The result of one task at one length, in percent.</summary>
public sealed record RulerResult(RulerTask Task, int Length, IReadOnlyList<RulerTrial> Trials)
{
    /// <summary>number of samples</summary>
    public int Count => Trials.Count;

    /// <summary>100 times the mean score</summary>
    public double Value => 100 * Trials.Average(trial => trial.Score);

    /// <summary>standard error of the value; null for a single sample</summary>
    public double? StandardError => Count < 2 ? null : Statistics.StandardError(Samples);

    /// <summary>percent per trial</summary>
    internal double[] Samples => [.. Trials.Select(trial => 100 * trial.Score)];

    /// <summary>95 % confidence interval (Wilson); conservative for scores between 0 and 1, whose variance is at most that of a yes or
    /// no</summary>
    public (double Low, double High) Interval
    {
        get
        {
            (double low, double high) = Statistics.Wilson(Trials.Sum(trial => trial.Score), Count);
            return (100 * low, 100 * high);
        }
    }

    /// <summary>The result as a record.</summary>
    /// <param name="model">name or folder of the model</param>
    public EvaluationRecord ToRecord(string model, RulerOptions options) => new()
    {
        Task = $"ruler_{Task.Name}",
        Metric = Task.Scoring == RulerScoring.MatchAll ? "string_match_all" : "string_match_part",
        Length = Length,
        Value = Value,
        StandardError = StandardError,
        Interval = [Interval.Low, Interval.High],
        Count = Count,
        Model = model,
        Settings = EvaluationJson.Settings(options),
        Samples = Samples,
    };
}
