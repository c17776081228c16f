namespace Skipwise.Tokenizers;

internal static class SplitBehaviors
{
    /// <summary>The pieces of a text of this length, in order, from its matches; "invert" swaps matches and gaps.</summary>
    public static List<(int Start, int End)> Apply(this SplitBehavior behavior, List<(int Start, int End)> matches, int length, bool invert)
    {
        var parts = new List<(int Start, int End, bool IsMatch)>();
        int done = 0;
        foreach (var (start, end) in matches)
        {
            if (start > done)
            {
                parts.Add((done, start, invert));
            }
            parts.Add((start, end, !invert)); // an empty match separates the parts around it
            done = end;
        }
        if (length > done)
        {
            parts.Add((done, length, invert));
        }

        var pieces = new List<(int Start, int End)>();
        for (int i = 0; i < parts.Count; i++)
        {
            bool? before = i > 0 ? parts[i - 1].IsMatch : null;
            bool joinsPrevious = behavior switch
            {
                SplitBehavior.MergedWithPrevious => parts[i].IsMatch && before == false,
                SplitBehavior.MergedWithNext => !parts[i].IsMatch && before == true,
                SplitBehavior.Contiguous => parts[i].IsMatch == before,
                _ => false,
            };
            if (joinsPrevious)
            {
                pieces[^1] = (pieces[^1].Start, parts[i].End);
            }
            else if (!(behavior == SplitBehavior.Removed && parts[i].IsMatch))
            {
                pieces.Add((parts[i].Start, parts[i].End));
            }
        }
        pieces.RemoveAll(piece => piece.Start == piece.End);
        return pieces;
    }
}
