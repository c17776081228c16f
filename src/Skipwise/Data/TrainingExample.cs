namespace Skipwise.Data;

/// <summary>One training window: <c>int[T]</c> each.</summary>
/// <param name="InputIds">token ids</param>
/// <param name="PositionIds">strictly rising position ids, below the target length</param>
/// <param name="Labels">equal to InputIds, or <see cref="IgnoreIndex"/>; the loss shifts them by one (Hugging Face's convention):
/// Labels[t] is predicted from token t - 1</param>
public sealed record TrainingExample(int[] InputIds, int[] PositionIds, int[] Labels)
{
    /// <summary>A label that is excluded from the loss.</summary>
    public const int IgnoreIndex = -100;
}
