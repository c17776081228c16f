using Skipwise.Evaluation.Results;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Passkey;

/// <summary>The result of the passkey evaluation at one length.</summary>
/// <param name="Length">tokens of prompt and answer</param>
public sealed record PasskeyResult(int Length, IReadOnlyList<PasskeyTrial> Trials)
{
    /// <summary>number of trials</summary>
    public int Count => Trials.Count;

    /// <summary>number of correct answers</summary>
    public int Correct => Trials.Count(trial => trial.Correct);

    /// <summary>fraction of correct answers</summary>
    public double Accuracy => (double)Correct / Count;

    /// <summary>95 % confidence interval of the accuracy (Wilson)</summary>
    public (double Low, double High) Interval => Statistics.Wilson(Correct, Count);

    /// <summary>The accuracy by depth, in <paramref name="bins"/> equal bins from the beginning of the filler text to its end.</summary>
    public IReadOnlyList<PasskeyCell> ByDepth(int bins = 10)
    {
        ILookup<int, PasskeyTrial> byBin = Trials.ToLookup(trial => Math.Min(bins - 1, (int)(trial.Depth * bins)));
        return [.. Enumerable.Range(0, bins).Select(bin =>
            new PasskeyCell(Length, (double)bin / bins, (bin + 1.0) / bins, byBin[bin].Count(trial => trial.Correct), byBin[bin].Count()))];
    }

    /// <summary>Correct answers and trials at every depth of a grid, by rising depth.</summary>
    public IReadOnlyList<(double Depth, int Correct, int Count)> Cells() =>
        [.. Trials.GroupBy(trial => trial.Depth).OrderBy(cell => cell.Key)
            .Select(cell => (cell.Key, cell.Count(trial => trial.Correct), cell.Count()))];

    /// <summary>The result as records: the accuracy, and with a grid the accuracy at each depth.</summary>
    /// <param name="model">name or folder of the model</param>
    public IEnumerable<EvaluationRecord> ToRecords(string model, PasskeyOptions options) =>
    [
        ToRecord(model, options),
        .. options.Grid is null
        ? []
        : Cells().Select(cell =>
            DepthCell.Record("passkey", Length, cell.Depth, cell.Correct, cell.Count, model, EvaluationJson.Settings(options))),
    ];

    /// <summary>The accuracy as a record.</summary>
    /// <param name="model">name or folder of the model</param>
    public EvaluationRecord ToRecord(string model, PasskeyOptions options) => new()
    {
        Task = "passkey",
        Metric = "accuracy",
        Length = Length,
        Value = Accuracy,
        StandardError = Count < 2 ? null : Statistics.StandardError([.. Trials.Select(trial => trial.Correct ? 1.0 : 0)]),
        Interval = [Interval.Low, Interval.High],
        Count = Count,
        Model = model,
        Settings = EvaluationJson.Settings(options),
        Samples = [.. Trials.Select(trial => trial.Correct ? 1.0 : 0)],
    };
}
