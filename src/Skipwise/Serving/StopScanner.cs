namespace Skipwise.Serving;

/// <summary>Finds the first of several texts to end in a text that comes in pieces, however it is cut. It keeps back what may be the
/// beginning of one.</summary>
internal sealed class StopScanner(IReadOnlyList<string> stops)
{
    private string _kept = "";

    /// <summary>Whether a stop text was found.</summary>
    public bool IsFound { get; private set; }

    /// <summary>The text that is now known to come before any stop text; nothing after one was found.</summary>
    public string Append(string piece)
    {
        if (IsFound)
        {
            return "";
        }
        string text = _kept + piece;
        (int Start, int End) first = stops.Select(stop => (Start: text.IndexOf(stop, StringComparison.Ordinal), stop.Length))
            .Where(found => found.Start >= 0).Select(found => (found.Start, End: found.Start + found.Length))
            .OrderBy(found => found.End).ThenBy(found => found.Start).FirstOrDefault((-1, -1));
        IsFound = first.Start >= 0;
        int shown = IsFound ? first.Start : text.Length - Unsure(text);
        _kept = IsFound ? "" : text[shown..];
        return text[..shown];
    }

    /// <summary>What was kept back, when the text has ended.</summary>
    public string Rest()
    {
        (string rest, _kept) = (_kept, "");
        return rest;
    }

    /// <summary>Length of the longest end of a text with which a stop text may begin.</summary>
    private int Unsure(string text)
    {
        int longest = Math.Min(text.Length, stops.Select(stop => stop.Length - 1).DefaultIfEmpty(0).Max());
        for (int length = longest; length > 0; length--)
        {
            if (stops.Any(stop => stop.Length > length && stop.AsSpan(0, length).SequenceEqual(text.AsSpan(text.Length - length))))
            {
                return length;
            }
        }
        return 0;
    }
}
