namespace Skipwise.Evaluation.Scoring;

/// <summary>What a model thinks of a given answer, token by token, each judged after the true tokens before it (teacher forcing).</summary>
/// <param name="IsGreedy">the token is the most probable one of all</param>
/// <param name="LogProbs">ln p(token | the tokens before it)</param>
public sealed record AnswerScore(IReadOnlyList<bool> IsGreedy, IReadOnlyList<double> LogProbs)
{
    /// <summary>Greedy decoding would have written exactly this answer.</summary>
    public bool IsCorrect => IsGreedy.All(best => best);

    public double MeanLogProb => LogProbs.Average();
}
