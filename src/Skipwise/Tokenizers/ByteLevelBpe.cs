using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tokenizers;

/// <summary>
/// Byte-level BPE whose files hold only a vocabulary and its merges. The other components of a tokenizer.json follow from the family.
/// </summary>
internal static class ByteLevelBpe
{
    private const string Numbers = @"\p{N}{1,3}", Number = @"\p{N}";

    private static readonly Lazy<CodePointRegex> s_llama3Words = new(() => Words(Numbers)), s_qwen2Words = new(() => Words(Number));

    private static CodePointRegex Words(string numbers) => CodePointRegex.Compile(Pattern(numbers));

    private static string Pattern(string numbers) =>
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + numbers + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>The rule with this regular expression in tokenizer.json; Other if none has it.</summary>
    public static PreTokenizerPattern RuleOf(string? regex) => regex == Pattern(Numbers) ? PreTokenizerPattern.Llama3
        : regex == Pattern(Number) ? PreTokenizerPattern.Qwen2 : PreTokenizerPattern.Other;

    /// <summary>The regular expression of Llama 3's or Qwen2's rule in tokenizer.json.</summary>
    public static string RegexOf(PreTokenizerPattern rule) => rule switch
    {
        PreTokenizerPattern.Llama3 => Pattern(Numbers),
        PreTokenizerPattern.Qwen2 => Pattern(Number),
        _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "has no such expression"),
    };

    /// <summary>Creates the tokenizer.</summary>
    /// <param name="vocabulary">pieces in the byte alphabet, with their ids</param>
    /// <param name="merges">pairs of pieces; the pair of the lowest rank is merged first</param>
    /// <param name="rule">GPT-2's, Llama 3's or Qwen2's</param>
    /// <param name="wholeWords">a word that is a piece becomes its id without merging</param>
    /// <param name="addPrefixSpace">a text without a leading space gets one</param>
    /// <param name="nfc">whether accents are composed before pre-tokenization</param>
    public static BpeTokenizer Create(
        Dictionary<string, int> vocabulary,
        IEnumerable<(string Left, string Right, int Rank)> merges,
        PreTokenizerPattern rule,
        IReadOnlyCollection<AddedToken> added,
        SpecialTokens special,
        bool wholeWords = false,
        bool addPrefixSpace = false,
        bool nfc = false)
    {
        List<PreTokenizer> words = rule switch
        {
            PreTokenizerPattern.Gpt2 => [PreTokenizers.ByteLevel(addPrefixSpace, useRegex: true)],
            PreTokenizerPattern.Llama3 => Cut(s_llama3Words.Value),
            PreTokenizerPattern.Qwen2 => Cut(s_qwen2Words.Value),
            _ => throw new ArgumentOutOfRangeException(nameof(rule), rule, "no rule of a byte-level vocabulary without tokenizer.json"),
        };
        var encoding = new BytePairEncoder(vocabulary, merges) { WholePieces = wholeWords ? vocabulary : null };
        var description = new TokenizerModel
        {
            Kind = TokenizerKind.ByteLevelBpe,
            PreTokenizer = rule,
            Normalizers = nfc ? ["NFC"] : [],
            AddsPrefixSpace = addPrefixSpace,
        };
        Normalizer normalizer = nfc ? Normalizers.Nfc : (text, _) => text;
        return new BpeTokenizer(vocabulary, added, normalizer, words, encoding, PieceDecoder.ByteLevel, special, description);

        List<PreTokenizer> Cut(CodePointRegex pattern) =>
            [PreTokenizers.Split(pattern, SplitBehavior.Isolated), PreTokenizers.ByteLevel(addPrefixSpace, useRegex: false)];
    }
}
