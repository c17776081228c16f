namespace Skipwise.Serving;

/// <summary>Finds the first of several texts in a text that comes in pieces. It keeps back what may be the beginning of one.</summary>
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
        int first = stops.Select(stop => text.IndexOf(stop, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(-1).Min();
        IsFound = first >= 0;
        int shown = IsFound ? first : text.Length - Unsure(text);
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
