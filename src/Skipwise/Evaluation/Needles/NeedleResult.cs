using System.Text.Json.Nodes;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Scoring;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Needles;

/// <summary>The result of the needle evaluation at one length.</summary>
public sealed record NeedleResult(int Length, IReadOnlyList<NeedleTrial> Trials)
{
    /// <summary>number of questions</summary>
    public int Count => Trials.Count;

    /// <summary>number of correct answers</summary>
    public int Correct => Trials.Count(trial => trial.Correct);

    /// <summary>fraction of correct answers</summary>
    public double Accuracy => (double)Correct / Count;

    /// <summary>95 % confidence interval of the accuracy (Wilson)</summary>
    public (double Low, double High) Interval => Statistics.Wilson(Correct, Count);

    /// <summary>The mean over questions of the mean ln p of an answer's tokens.</summary>
    public double LogProb => Trials.Average(trial => trial.MeanLogProb);

    /// <summary>Correct answers and questions at every depth, by rising depth.</summary>
    public IReadOnlyList<(double Depth, int Correct, int Count)> Cells() =>
        [.. Trials.GroupBy(trial => trial.Depth).OrderBy(cell => cell.Key)
            .Select(cell => (cell.Key, cell.Count(trial => trial.Correct), cell.Count()))];

    /// <summary>The results as records: accuracy, mean ln p of the answers, and accuracy at each depth.</summary>
    /// <param name="model">name or folder of the model</param>
    public IEnumerable<EvaluationRecord> ToRecords(string model, NeedleOptions options)
    {
        JsonObject Settings() => EvaluationJson.Settings(options with { Needles = options.EffectiveNeedles() });
        EvaluationRecord Record(string metric, double value, double? error, IReadOnlyList<double>? interval,
            Func<NeedleTrial, double> sample) => new()
            {
                Task = "needle",
                Metric = metric,
                Length = Length,
                Value = value,
                StandardError = error,
                Interval = interval,
                Count = Count,
                Model = model,
                Settings = Settings(),
                Samples = [.. Trials.Select(sample)],
            };
        return
        [
            Record("accuracy", Accuracy, Proportion.StandardError(Correct, Count), [Interval.Low, Interval.High],
                trial => trial.Correct ? 1 : 0),
            Record("answer_log_prob", LogProb, Count < 2 ? null : Statistics.StandardError([.. Trials.Select(trial => trial.MeanLogProb)]),
                null, trial => trial.MeanLogProb),
            .. Cells().Select(cell => DepthCell.Record("needle", Length, cell.Depth, cell.Correct, cell.Count, model, Settings())),
        ];
    }
}
