namespace Skipwise.Synthetic;

/// <summary>One sentence of a chronicle, with what it says.</summary>
/// <param name="Text">the sentence; a question and its answer count as one</param>
/// <param name="Fact">what it states or recalls; null for scenery</param>
/// <param name="Age">sentences since the fact's last mention; 0 when it is stated for the first time</param>
public sealed record ChronicleSentence(string Text, Fact? Fact, int Age)
{
    public bool IsRecall => Age > 0;
}
