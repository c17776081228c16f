namespace Skipwise.Documents;

/// <summary>Chooses the text field of a table. A file's first row decides for the whole file.</summary>
internal static class TextField
{
    /// <summary>Usual names: text in The Pile, PG-19 and most corpora; input in SCROLLS' GovReport, elsewhere report; article in arXiv and
    /// PubMed.</summary>
    private static readonly string[] s_usual = ["text", "input", "content", "article", "report", "document", "body", "story"];

    /// <summary>Chooses the field.</summary>
    /// <param name="fields">all fields of the row or the file</param>
    /// <param name="holdsText">whether a field's values are strings</param>
    /// <param name="named">the user's choice, or null</param>
    /// <param name="place">file and row, for the error</param>
    /// <exception cref="SkipwiseException">the named field is missing or has no text; or there is no field with a usual name, or more than
    /// one</exception>
    public static string Choose(IReadOnlyList<string> fields, Func<string, bool> holdsText, string? named, string place)
    {
        if (named is not null)
        {
            return !fields.Contains(named)
                ? throw new SkipwiseException(
                    $"{place}: there is no field \"{named}\"; there {List(fields)}. Name one of them with " +
                    $"{OptionName.Of(nameof(DocumentOptions.Field))}")
                : !holdsText(named)
                ? throw new SkipwiseException(
                    $"{place}: the field \"{named}\" holds no text; there {List(fields)}, of which text: {List(fields.Where(holdsText))}")
                : named;
        }
        string[] found = [.. s_usual.Where(usual => fields.Contains(usual) && holdsText(usual))];
        return found switch
        {
            [var only] => only,
            [] => throw new SkipwiseException(
                $"{place}: no field of a usual name ({string.Join(", ", s_usual)}) holds text; there {List(fields)}. Name the one that " +
                $"does with {OptionName.Of(nameof(DocumentOptions.Field))}"),
            _ => throw new SkipwiseException(
                $"{place}: the text may be in {string.Join(" or in ", found.Select(Quoted))}. Say which with " +
                $"{OptionName.Of(nameof(DocumentOptions.Field))}"),
        };
    }

    private static string List(IEnumerable<string> fields) => fields.ToArray() switch
    {
        [] => "is none",
        [var only] => $"is {Quoted(only)}",
        var many => $"are {string.Join(", ", many.Select(Quoted))}",
    };

    private static string Quoted(string field) => $"\"{field}\"";
}
