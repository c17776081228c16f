using System.Text;
using System.Text.RegularExpressions;

namespace Skipwise.Text;

/// <summary>Splits a text into the pieces that are encoded one by one.</summary>
/// <param name="text">one piece of the step before</param>
/// <param name="atStart">whether it starts where the whole text starts</param>
/// <param name="pieces">where its parts are appended</param>
internal delegate void PreTokenizer(ReadOnlyMemory<char> text, bool atStart, List<ReadOnlyMemory<char>> pieces);

/// <summary>The pre-tokenizers of tokenizer.json, in the order in which they work.</summary>
internal static partial class PreTokenizers
{
    /// <summary>GPT-2's rule: contractions, words, numbers, other symbols, each with the space before it; runs of white space.</summary>
    [GeneratedRegex(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+", RegexOptions.CultureInvariant)]
    private static partial Regex Gpt2Words();

    [GeneratedRegex(@"\p{N}", RegexOptions.CultureInvariant)]
    private static partial Regex AnyDigit();

    [GeneratedRegex(@"[\p{P}$+<=>^`|~]", RegexOptions.CultureInvariant)]
    private static partial Regex AnyPunctuation();

    public static List<PreTokenizer> Read(JsonPlace? place)
    {
        if (place is not { } preTokenizer)
        {
            return [];
        }
        string type = preTokenizer.Get("type").Text;
        return type switch
        {
            "Sequence" => [.. preTokenizer.Get("pretokenizers").Items().SelectMany(item => Read(item))],
            "ByteLevel" => [ByteLevel(preTokenizer.Flag("add_prefix_space", true), preTokenizer.Flag("use_regex", true))],
            "Split" => [SplitBy(preTokenizer)],
            "Digits" => [Split(AnyDigit(), preTokenizer.Flag("individual_digits", false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous, false)],
            "Punctuation" => [Split(AnyPunctuation(), Behavior(preTokenizer, SplitBehavior.Isolated), false)],
            "Metaspace" => [Metaspace(preTokenizer)],
            _ => throw preTokenizer.Error($"is a pre-tokenizer of type \"{type}\", which Skipwise does not know"),
        };
    }

    public static PreTokenizer ByteLevel(bool addPrefixSpace, bool useRegex)
    {
        var words = new CodePointRegex(Gpt2Words());
        return (text, _, pieces) =>
        {
            if (addPrefixSpace && !text.Span.StartsWith(' '))
            {
                text = $" {text}".AsMemory();
            }
            var parts = useRegex ? words.Matches(text.Span) : [(0, text.Length)];
            // The whole text is spelled in the byte alphabet once; the pieces are windows onto it.
            char[] spelled = new char[Encoding.UTF8.GetByteCount(text.Span)];
            byte[] utf8 = new byte[spelled.Length];
            int end = 0;
            foreach (var (partStart, partEnd) in parts)
            {
                int start = end;
                end += Encoding.UTF8.GetBytes(text.Span[partStart..partEnd], utf8.AsSpan(start));
                for (int i = start; i < end; i++)
                {
                    spelled[i] = ByteAlphabet.ToCharacter(utf8[i]);
                }
                pieces.Add(spelled.AsMemory(start, end - start));
            }
        };
    }

    private static PreTokenizer SplitBy(JsonPlace place)
    {
        var (_, expression) = Normalizers.ReadPattern(place.Get("pattern"));
        return Split(Normalizers.Compile(place.Get("pattern"), expression), Behavior(place, null), place.Flag("invert", false));
    }

    public static PreTokenizer Split(Regex regex, SplitBehavior behavior, bool invert)
    {
        var pattern = new CodePointRegex(regex);
        return (text, _, pieces) =>
        {
            foreach (var (start, end) in behavior.Apply(pattern.Matches(text.Span), text.Length, invert))
            {
                pieces.Add(text[start..end]);
            }
        };
    }

    private static SplitBehavior Behavior(JsonPlace place, SplitBehavior? otherwise)
    {
        if (place.Find("behavior") is not { } behavior)
        {
            return otherwise ?? throw place.Error("has no \"behavior\"");
        }
        return Enum.TryParse(behavior.Text, out SplitBehavior known) && Enum.IsDefined(known)
            ? known
            : throw behavior.Error($"is \"{behavior.Text}\"; known are {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
    }

    /// <summary>Spaces become ▁, with one more in front: always, at the start of the whole text only ("first"), or never.</summary>
    private static PreTokenizer Metaspace(JsonPlace place)
    {
        string replacement = place.Find("replacement")?.Text ?? Normalizers.Metaspace;
        string scheme = place.Find("prepend_scheme")?.Text ?? (place.Flag("add_prefix_space", true) ? "always" : "never");
        if (scheme is not ("always" or "first" or "never"))
        {
            throw place.Error($"has the prepend_scheme \"{scheme}\"; known are always, first, never");
        }
        var words = place.Flag("split", true) ? Split(new Regex(Regex.Escape(replacement)), SplitBehavior.MergedWithNext, false) : null;
        return (text, atStart, pieces) =>
        {
            string marked = text.ToString().Replace(" ", replacement, StringComparison.Ordinal);
            if ((scheme == "always" || (scheme == "first" && atStart)) && !marked.StartsWith(replacement, StringComparison.Ordinal))
            {
                marked = replacement + marked;
            }
            if (words is null)
            {
                pieces.Add(marked.AsMemory());
            }
            else
            {
                words(marked.AsMemory(), atStart, pieces);
            }
        };
    }
}
