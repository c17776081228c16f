using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tokenizers;

/// <summary>The pre-tokenizer pattern of byte-level tokenizers without a tokenizer.json.</summary>
internal enum PreTokenizerPattern
{
    /// <summary>GPT-2, GPT-J, GPT-NeoX</summary>
    Gpt2,
    /// <summary>Llama 3: contractions in any case, numbers in groups of three, line ends together with the symbols before them</summary>
    Llama3,
    /// <summary>Qwen2: like Llama 3, but single digits</summary>
    Qwen2,
}

/// <summary>
/// Byte-level BPE whose files hold only a vocabulary and its merges. The other components of a tokenizer.json follow from the family.
/// </summary>
internal static class ByteLevelBpe
{
    private const string Numbers = @"\p{N}{1,3}", Number = @"\p{N}";

    private static readonly Lazy<CodePointRegex> s_llama3Words = new(() => Words(Numbers)), s_qwen2Words = new(() => Words(Number));

    private static CodePointRegex Words(string numbers) => CodePointRegex.Compile(
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + numbers + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+");

    /// <summary>Creates the tokenizer.</summary>
    /// <param name="vocabulary">pieces in the byte alphabet, with their ids</param>
    /// <param name="merges">pairs of pieces; the pair of the lowest rank is merged first</param>
    /// <param name="rule">the pre-tokenizer pattern</param>
    /// <param name="wholeWords">a word that is a piece becomes its id without merging</param>
    /// <param name="addPrefixSpace">a text without a leading space gets one</param>
    /// <param name="normalizer">applied before pre-tokenization</param>
    public static BpeTokenizer Create(
        Dictionary<string, int> vocabulary,
        IEnumerable<(string Left, string Right, int Rank)> merges,
        PreTokenizerPattern rule,
        IReadOnlyCollection<AddedToken> added,
        SpecialTokens special,
        bool wholeWords = false,
        bool addPrefixSpace = false,
        Normalizer? normalizer = null)
    {
        List<PreTokenizer> words = rule switch
        {
            PreTokenizerPattern.Gpt2 => [PreTokenizers.ByteLevel(addPrefixSpace, useRegex: true)],
            PreTokenizerPattern.Llama3 => Cut(s_llama3Words.Value),
            _ => Cut(s_qwen2Words.Value),
        };
        var encoding = new BytePairEncoder(vocabulary, merges) { WholePieces = wholeWords ? vocabulary : null };
        return new BpeTokenizer(vocabulary, added, normalizer ?? ((text, _) => text), words, encoding, PieceDecoder.ByteLevel, special);

        List<PreTokenizer> Cut(CodePointRegex pattern) =>
            [PreTokenizers.Split(pattern, SplitBehavior.Isolated), PreTokenizers.ByteLevel(addPrefixSpace, useRegex: false)];
    }
}
