namespace Skipwise.Evaluation.Passkey;

/// <summary>Retrieval among the trials of one length whose keys stand at similar depths: a cell of the heat map.</summary>
/// <param name="DepthFrom">0..1</param>
/// <param name="DepthTo">0..1, not included except 1</param>
public sealed record PasskeyCell(int Length, double DepthFrom, double DepthTo, int Correct, int Count)
{
    /// <summary>NaN where no key stands</summary>
    public double Accuracy => (double)Correct / Count;
}
