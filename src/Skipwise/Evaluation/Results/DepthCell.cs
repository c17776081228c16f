using System.Text.Json.Nodes;
using Skipwise.Evaluation.Scoring;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Results;

/// <summary>A cell of a length x depth grid as a record. Its metric has its own name, to distinguish it from the accuracy of the whole
/// length.</summary>
internal static class DepthCell
{
    public const string Metric = "accuracy_at_depth";

    /// <param name="depth">0..1; written into the settings</param>
    public static EvaluationRecord Record(string task, int length, double depth, int correct, int count, string model, JsonObject settings)
    {
        settings["depth"] = depth;
        (double low, double high) = Statistics.Wilson(correct, count);
        return new()
        {
            Task = task,
            Metric = Metric,
            Length = length,
            Value = (double)correct / count,
            StandardError = Proportion.StandardError(correct, count),
            Interval = [low, high],
            Count = count,
            Model = model,
            Settings = settings,
        };
    }
}
