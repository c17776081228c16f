using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>Perplexity of two models at the original window.</summary>
/// <param name="Increase">own / reference - 1</param>
internal sealed record ShortCost(EvaluationRecord Own, EvaluationRecord Reference, Change Increase);
