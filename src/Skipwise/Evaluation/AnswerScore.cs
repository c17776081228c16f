namespace Skipwise.Evaluation;

/// <summary>What a model thinks of a given answer, token by token, each judged after the true tokens before it (teacher forcing).</summary>
/// <param name="IsBest">the token is the most probable one of all</param>
/// <param name="LogProbs">ln p(token | the tokens before it)</param>
public sealed record AnswerScore(IReadOnlyList<bool> IsBest, IReadOnlyList<double> LogProbs)
{
    /// <summary>Greedy decoding would have written exactly this answer.</summary>
    public bool IsCorrect => IsBest.All(best => best);

    public double MeanLogProb => LogProbs.Average();
}
