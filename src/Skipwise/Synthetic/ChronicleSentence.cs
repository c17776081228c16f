namespace Skipwise.Synthetic;

/// <summary>One sentence of a chronicle, with its fact.</summary>
/// <param name="Text">the sentence; a question and its answer count as one</param>
/// <param name="Fact">the fact that it states or recalls; null for filler</param>
/// <param name="Age">sentences since the fact's last mention; 0 if it is stated for the first time</param>
internal sealed record ChronicleSentence(string Text, Fact? Fact, int Age)
{
    /// <summary>whether the sentence recalls a fact</summary>
    public bool IsRecall => Age > 0;
}
