namespace Skipwise.Evaluation.Scoring;

/// <summary>A model's scores of a given answer, per token, each after the true tokens before it (teacher forcing).</summary>
/// <param name="IsGreedy">whether the token is the most probable one</param>
/// <param name="LogProbs">ln p(token | the tokens before it)</param>
internal sealed record AnswerScore(IReadOnlyList<bool> IsGreedy, IReadOnlyList<double> LogProbs)
{
    /// <summary>Whether greedy decoding would have generated exactly this answer.</summary>
    public bool IsCorrect => IsGreedy.All(best => best);

    /// <summary>mean ln p of the answer's tokens</summary>
    public double MeanLogProb => LogProbs.Average();
}
