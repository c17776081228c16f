using Skipwise.Evaluation.Results;
using Skipwise.Numerics;

namespace Skipwise.Reports.Comparing;

/// <summary>How much a number of one model differs from another's, and how far to trust that.</summary>
/// <param name="StandardError">null if it cannot be known</param>
/// <param name="IsPaired">
/// the error is that of the differences, question by question: what is hard for one model is mostly hard for the other, so it is smaller
/// than that of two numbers measured apart, which is taken where the questions differ or are not known
/// </param>
public sealed record Change(double Value, double? StandardError, bool IsPaired)
{
    /// <summary>own - reference</summary>
    /// <param name="sameQuestions">the two models were asked the same, in the same order</param>
    public static Change Difference(EvaluationRecord own, EvaluationRecord reference, bool sameQuestions) =>
        Of(own.Value - reference.Value, own, 1, reference, 1, sameQuestions);

    /// <summary>own / reference - 1; its error is that of the difference of the logarithms, times the ratio</summary>
    /// <param name="sameQuestions">the two models read the same</param>
    public static Change Relative(EvaluationRecord own, EvaluationRecord reference, bool sameQuestions) =>
        Of((own.Value / reference.Value) - 1, own, 1 / reference.Value, reference, own.Value / reference.Value / reference.Value,
            sameQuestions);

    /// <summary>The error of a x own - b x reference.</summary>
    private static Change Of(double value, EvaluationRecord own, double a, EvaluationRecord reference, double b, bool sameQuestions)
    {
        if (own.StandardError is not { } ownError || reference.StandardError is not { } referenceError)
        {
            return new(value, null, false);
        }
        bool isPaired = sameQuestions && own.Samples is not null && own.Samples.Count == reference.Samples?.Count;
        double error = isPaired
            ? Statistics.StandardError([.. own.Samples!.Zip(reference.Samples!, (x, y) => (a * x) - (b * y))])
            : Math.Sqrt(Math.Pow(a * ownError, 2) + Math.Pow(b * referenceError, 2));
        return new(value, error, isPaired);
    }
}
