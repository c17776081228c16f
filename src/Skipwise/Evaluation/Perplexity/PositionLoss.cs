namespace Skipwise.Evaluation.Perplexity;

/// <summary>The mean loss of the tokens at some positions of the window.</summary>
/// <param name="From">first position; the token after BOS is at 1</param>
/// <param name="To">last position</param>
public readonly record struct PositionLoss(int From, int To, MeanLoss Loss);
