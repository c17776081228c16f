namespace Skipwise.Chat.Jinja;

/// <summary>Cuts texts as Python's split, rsplit and splitlines do.</summary>
internal static class StringSplit
{
    /// <summary>Cuts at a separator.</summary>
    /// <param name="separator">null: at white space, of which no part has any</param>
    /// <param name="most">number of cuts; below 0: all</param>
    public static SequenceValue Split(Rendering rendering, string text, string? separator, int most, bool fromEnd)
    {
        rendering.Charge(text.Length);
        rendering.ChargeSearch(text, separator ?? "");
        if (separator is "")
        {
            throw new TemplateFault("the separator is empty");
        }
        int cuts = most < 0 ? int.MaxValue : most;
        var parts = separator is null ? AtSpace(text, cuts, fromEnd) : AtText(text, separator, cuts, fromEnd);
        return rendering.List(fromEnd ? parts.Reverse() : parts);
    }

    /// <summary>Cuts into lines.</summary>
    public static IEnumerable<string> Lines(Rendering rendering, string text, bool keepEnds)
    {
        rendering.Charge(text.Length);
        int start = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] is not ('\n' or '\r' or '\v' or '\f' or (>= '\x1c' and <= '\x1e') or '\x85' or '\u2028' or '\u2029'))
            {
                continue;
            }
            int end = i;
            i += text[i] == '\r' && i + 1 < text.Length && text[i + 1] == '\n' ? 1 : 0;
            yield return text[start..(keepEnds ? i + 1 : end)];
            start = i + 1;
        }
        if (start < text.Length)
        {
            yield return text[start..];
        }
    }

    /// <summary>How often a part occurs without overlap.</summary>
    public static int CountOf(string text, string part)
    {
        int count = 0;
        for (int at = text.IndexOf(part, StringComparison.Ordinal); at >= 0; count++)
        {
            at = text.IndexOf(part, at + part.Length, StringComparison.Ordinal);
        }
        return count;
    }

    private static IEnumerable<string> AtText(string text, string separator, int cuts, bool fromEnd)
    {
        int start = 0, end = text.Length;
        for (; cuts > 0; cuts--)
        {
            ReadOnlySpan<char> rest = text.AsSpan(start, end - start);
            int at = fromEnd ? rest.LastIndexOf(separator, StringComparison.Ordinal) : rest.IndexOf(separator, StringComparison.Ordinal);
            if (at < 0)
            {
                break;
            }
            yield return fromEnd ? text[(start + at + separator.Length)..end] : text[start..(start + at)];
            (start, end) = fromEnd ? (start, start + at) : (start + at + separator.Length, end);
        }
        yield return text[start..end];
    }

    private static IEnumerable<string> AtSpace(string text, int cuts, bool fromEnd)
    {
        int start = 0, end = text.Length;
        while (true)
        {
            // white space at the end that is cut from, then a word up to the next one
            while (start < end && Characters.IsSpace(text[fromEnd ? end - 1 : start]))
            {
                (start, end) = fromEnd ? (start, end - 1) : (start + 1, end);
            }
            if (start == end)
            {
                yield break;
            }
            int word = 0;
            while (word < end - start && !Characters.IsSpace(text[fromEnd ? end - 1 - word : start + word]))
            {
                word++;
            }
            if (cuts-- == 0)
            {
                yield return text[start..end];
                yield break;
            }
            yield return fromEnd ? text[(end - word)..end] : text[start..(start + word)];
            (start, end) = fromEnd ? (start, end - word) : (start + word, end);
        }
    }
}
