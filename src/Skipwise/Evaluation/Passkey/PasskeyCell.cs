namespace Skipwise.Evaluation.Passkey;

/// <summary>The accuracy of the trials of one length whose keys are at similar depths: one cell of the heat map.</summary>
/// <param name="DepthFrom">0..1</param>
/// <param name="DepthTo">0..1, not included except 1</param>
public sealed record PasskeyCell(int Length, double DepthFrom, double DepthTo, int Correct, int Count)
{
    /// <summary>fraction of correct answers; NaN without trials</summary>
    public double Accuracy => (double)Correct / Count;
}
