using System.Text;
using Skipwise.Storage;
using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tokenizers;

/// <summary>Splits a text into the pieces that are encoded one by one.</summary>
/// <param name="piece">one piece of the previous step</param>
/// <param name="pieces">receives its parts</param>
internal delegate void PreTokenizer(TextPiece piece, List<TextPiece> pieces);

/// <summary>Reads the pre-tokenizers of tokenizer.json, in order of application.</summary>
internal static class PreTokenizers
{
    /// <summary>GPT-2's pattern: contractions, words, numbers, other symbols, each with the space before it; runs of white space.</summary>
    private static readonly Lazy<CodePointRegex> s_gpt2Words = new(() => CodePointRegex.Compile(
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"));

    private static readonly Lazy<CodePointRegex> s_digit = new(() => CodePointRegex.Compile(@"\p{N}"));

    /// <summary>
    /// Punctuation as defined by Hugging Face's library: ASCII punctuation, and the category P of Unicode 8, without later characters.
    /// </summary>
    private static readonly Lazy<CodePointRegex> s_punctuation = new(() => CodePointRegex.Compile(
        @"[$+<=>^`|~\x{166D}\x{111C9}[\p{P}&&[^" +
        @"\x{61D}\x{9FD}\x{A76}\x{C77}\x{C84}\x{1B4E}-\x{1B4F}\x{1B7D}-\x{1B7F}\x{2E43}-\x{2E4F}\x{2E52}-\x{2E5D}\x{10D6E}\x{10EAD}" +
        @"\x{10F55}-\x{10F59}\x{10F86}-\x{10F89}\x{113D4}-\x{113D8}\x{1144B}-\x{1144F}\x{1145A}-\x{1145D}\x{11660}-\x{1166C}\x{116B9}" +
        @"\x{1183B}\x{11944}-\x{11946}\x{119E2}\x{11A3F}-\x{11A46}\x{11A9A}-\x{11AA2}\x{11B00}-\x{11B09}\x{11BE1}\x{11C41}-\x{11C45}" +
        @"\x{11C70}-\x{11C71}\x{11EF7}-\x{11EF8}\x{11F43}-\x{11F4F}\x{11FFF}\x{12FF1}-\x{12FF2}\x{16D6D}-\x{16D6F}\x{16E97}-\x{16E9A}" +
        @"\x{16FE2}\x{1E5FF}\x{1E95E}-\x{1E95F}]]]"));

    /// <summary>Reads the steps.</summary>
    /// <param name="place">the section of the file; null: none</param>
    /// <param name="addPrefixSpace">overrides the setting of a ByteLevel that is the only step</param>
    public static List<PreTokenizer> Read(LocatedJson? place, bool? addPrefixSpace = null)
    {
        if (place is not { } preTokenizer)
        {
            return [];
        }
        string type = preTokenizer.Get("type").Text;
        return type switch
        {
            "Sequence" => [.. preTokenizer.Get("pretokenizers").Items().SelectMany(item => Read(item))],
            "ByteLevel" => [ByteLevel(addPrefixSpace ?? preTokenizer.Flag("add_prefix_space", true), preTokenizer.Flag("use_regex", true))],
            "Split" => [SplitBy(preTokenizer)],
            "Digits" when preTokenizer.Flag("individual_digits", false) => [Split(s_digit.Value, SplitBehavior.Isolated)],
            "Digits" => [Split(s_digit.Value, SplitBehavior.Contiguous)],
            "Punctuation" => [Split(s_punctuation.Value, Behavior(preTokenizer, SplitBehavior.Isolated))],
            "Metaspace" => [Metaspace(preTokenizer)],
            _ => throw preTokenizer.Error($"is a pre-tokenizer of type \"{type}\", which Skipwise does not know"),
        };
    }

    /// <summary>The known rule that the steps are; Other if they are none.</summary>
    /// <param name="steps">the sequence, flattened</param>
    public static PreTokenizerPattern RuleOf(IReadOnlyList<LocatedJson> steps)
    {
        bool IsByteLevel(LocatedJson step, bool useRegex) =>
            step.Get("type").Text == "ByteLevel" && step.Flag("use_regex", true) == useRegex;
        switch (steps)
        {
            case [] or [_] when steps.All(step => step.Get("type").Text == "Metaspace" && !step.Flag("split", true)):
                return PreTokenizerPattern.None;
            case [var bytes] when IsByteLevel(bytes, useRegex: true):
                return PreTokenizerPattern.Gpt2;
            case [var digits, var bytes] when digits.Get("type").Text == "Digits" && digits.Flag("individual_digits", false)
                && IsByteLevel(bytes, useRegex: true):
                return PreTokenizerPattern.Gpt2Digits;
            case [var split, var bytes] when split.Get("type").Text == "Split" && split.Get("behavior").Text == "Isolated"
                && !split.Flag("invert", false) && IsByteLevel(bytes, useRegex: false):
                return ByteLevelBpe.RuleOf(split.Get("pattern").Find("Regex")?.Text);
            default:
                return PreTokenizerPattern.Other;
        }
    }

    public static PreTokenizer ByteLevel(bool addPrefixSpace, bool useRegex) => (piece, pieces) =>
    {
        var text = addPrefixSpace && !piece.Text.Span.StartsWith(' ') ? $" {piece.Text}".AsMemory() : piece.Text;
        var parts = useRegex ? s_gpt2Words.Value.Matches(text.Span) : [(0, text.Length)];
        // The whole text is converted to the byte alphabet once; the pieces are slices of it.
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
            pieces.Add(new(spelled.AsMemory(start, end - start), piece.AtStart && start == 0));
        }
    };

    private static PreTokenizer SplitBy(LocatedJson place) =>
        Split(CodePointRegex.Read(place.Get("pattern")), Behavior(place, null), place.Flag("invert", false));

    public static PreTokenizer Split(CodePointRegex pattern, SplitBehavior behavior, bool invert = false) => (piece, pieces) =>
    {
        foreach (var (start, end) in behavior.Apply(pattern.Matches(piece.Text.Span), piece.Text.Length, invert))
        {
            pieces.Add(new(piece.Text[start..end], piece.AtStart && start == 0));
        }
    };

    private static SplitBehavior Behavior(LocatedJson place, SplitBehavior? defaultValue)
    {
        if (place.Find("behavior") is not { } behavior)
        {
            return defaultValue ?? throw place.Error("has no \"behavior\"");
        }
        return Enum.TryParse(behavior.Text, out SplitBehavior known) && Enum.IsDefined(known)
            ? known
            : throw behavior.Error($"is \"{behavior.Text}\"; known are {string.Join(", ", Enum.GetNames<SplitBehavior>())}");
    }

    /// <summary>Replaces spaces by ▁ and prepends one: always, only at the beginning of the whole text ("first"), or never.</summary>
    private static PreTokenizer Metaspace(LocatedJson place)
    {
        string replacement = place.Find("replacement")?.Text ?? Normalizers.Metaspace;
        if (replacement.EnumerateRunes().Count() != 1)
        {
            throw place.Error($"has the replacement \"{replacement}\", which is not one character");
        }
        string scheme = place.Find("prepend_scheme")?.Text ?? (place.Flag("add_prefix_space", true) ? "always" : "never");
        if (scheme is not ("always" or "first" or "never"))
        {
            throw place.Error($"has the prepend_scheme \"{scheme}\"; known are always, first, never");
        }
        bool splits = place.Flag("split", true);
        return (piece, pieces) =>
        {
            string marked = piece.Text.ToString().Replace(" ", replacement, StringComparison.Ordinal);
            if ((scheme == "always" || (scheme == "first" && piece.AtStart)) && !marked.StartsWith(replacement, StringComparison.Ordinal))
            {
                marked = replacement + marked;
            }
            for (int start = 0, end; start < marked.Length; start = end)
            {
                int next = splits ? marked.IndexOf(replacement, start + 1, StringComparison.Ordinal) : -1;
                end = next < 0 ? marked.Length : next;
                pieces.Add(new(marked.AsMemory(start, end - start), piece.AtStart && start == 0));
            }
        };
    }
}
