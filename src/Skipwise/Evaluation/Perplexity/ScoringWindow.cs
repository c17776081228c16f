namespace Skipwise.Evaluation.Perplexity;

/// <summary>One forward of a perplexity measurement: BOS, then the document's tokens Begin..End - 1, of which the last <see cref="Scored"/>
/// count.</summary>
/// <param name="Begin">first token of the document in the window</param>
/// <param name="End">one past its last</param>
/// <param name="Scored">tokens at the window's end whose loss counts; the others are context</param>
public readonly record struct ScoringWindow(int Begin, int End, int Scored)
{
    /// <summary>tokens of the window with its BOS</summary>
    public int Length => End - Begin + 1;
}
