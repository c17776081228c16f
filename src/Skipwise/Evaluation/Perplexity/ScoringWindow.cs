namespace Skipwise.Evaluation.Perplexity;

/// <summary>One window of a perplexity evaluation: BOS, then the document's tokens Begin..End - 1, of which the last <see cref="Scored"/>
/// are scored.</summary>
/// <param name="Begin">first token of the document in the window</param>
/// <param name="End">one past its last</param>
/// <param name="Scored">tokens at the window's end that are scored; the others are context</param>
internal readonly record struct ScoringWindow(int Begin, int End, int Scored)
{
    /// <summary>tokens of the window with its BOS</summary>
    public int Length => End - Begin + 1;
}
