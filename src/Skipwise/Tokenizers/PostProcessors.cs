using Skipwise.Storage;

namespace Skipwise.Tokenizers;

/// <summary>Reads the post-processors of tokenizer.json: the special tokens that they add to a text.</summary>
internal static class PostProcessors
{
    /// <summary>The tokens before and after a text.</summary>
    /// <returns>the id of the token before a text (null: none), and the place of the one after it (null: none)</returns>
    /// <exception cref="SkipwiseException">an unknown type, or more than one token at an end</exception>
    public static (int? Start, LocatedJson? End) Ends(LocatedJson? place, Func<string, int?> idOf)
    {
        if (place is not { } processor)
        {
            return (null, null);
        }
        string type = processor.Get("type").Text;
        switch (type)
        {
            case "ByteLevel":
                return (null, null); // it changes only offsets
            case "Sequence":
                var all = processor.Get("processors").Items().Select(item => Ends(item, idOf)).ToList();
                return all.Count(ends => ends != (null, null)) <= 1
                    ? all.Find(ends => ends != (null, null))
                    : throw processor.Error("puts tokens around a text more than once; Skipwise reads one TemplateProcessing");
            case "TemplateProcessing":
                return Template(processor, idOf);
            default:
                throw processor.Error($"is a post-processor of type \"{type}\", which Skipwise does not know");
        }
    }

    private static (int? Start, LocatedJson? End) Template(LocatedJson processor, Func<string, int?> idOf)
    {
        var parts = processor.Get("single").Items().Select(item => item.Find("SpecialToken")).ToList();
        int text = parts.FindIndex(part => part is null);
        if (text is not (0 or 1) || parts.Count - text is not (1 or 2) || (parts.Count - text == 2 && parts[^1] is null))
        {
            throw processor.Get("single").Error("is not a text with one special token at most before it and one behind it");
        }
        int? start = text == 0 ? null : Id(parts[0]!.Value);
        if (parts[^1] is { } last)
        {
            Id(last);
        }
        return (start, parts[^1]);

        int Id(LocatedJson token)
        {
            string name = token.Get("id").Text;
            int known = idOf(name) ?? throw token.Error($"names the special token \"{name}\", which the vocabulary lacks");
            if (processor.Find("special_tokens")?.Find(name) is { } said)
            {
                int[] ids = [.. said.Get("ids").Items().Select(id => id.Number)];
                if (ids is not [var only] || only != known)
                {
                    throw said.Error($"gives \"{name}\" the ids {string.Join(", ", ids)}, but its id is {known}");
                }
            }
            return known;
        }
    }
}
