using Skipwise.Evaluation.Results;
using Skipwise.Numerics;

namespace Skipwise.Reports.Comparing;

/// <summary>The difference between the values of two models, with its standard error.</summary>
/// <param name="StandardError">null if unknown</param>
/// <param name="IsPaired">
/// whether the error is that of the paired differences per question. It is smaller than the error of unpaired values, because models
/// mostly find the same questions hard. Unpaired errors are used if the questions differ or are unknown
/// </param>
internal sealed record Change(double Value, double? StandardError, bool IsPaired)
{
    /// <summary>own - reference</summary>
    /// <param name="sameQuestions">whether both models got the same questions in the same order</param>
    public static Change Difference(EvaluationRecord own, EvaluationRecord reference, bool sameQuestions) =>
        Of(own.Value - reference.Value, own, 1, reference, 1, sameQuestions);

    /// <summary>own / reference - 1; its error is that of the difference of the logarithms, times the ratio</summary>
    /// <param name="sameQuestions">whether both models got the same text</param>
    public static Change Relative(EvaluationRecord own, EvaluationRecord reference, bool sameQuestions) =>
        Of((own.Value / reference.Value) - 1, own, 1 / reference.Value, reference, own.Value / reference.Value / reference.Value,
            sameQuestions);

    /// <summary>A change with the error of a x own - b x reference.</summary>
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
