namespace Skipwise.Tokenizers;

/// <summary>How a vocabulary spells its pieces and orders its merges.</summary>
public enum TokenizerKind
{
    /// <summary>byte pair encoding of characters: pieces are text as it is</summary>
    Bpe,
    /// <summary>byte pair encoding of bytes, each spelled by one character of GPT-2's alphabet (a space by Ġ); gpt2 in GGUF</summary>
    ByteLevelBpe,
    /// <summary>byte pair encoding as in SentencePiece: a space is ▁, a byte &lt;0x0A&gt;; llama in GGUF</summary>
    SentencePieceBpe,
}

/// <summary>How a text is split into words before it is encoded.</summary>
public enum PreTokenizerPattern
{
    /// <summary>not at all</summary>
    None,
    /// <summary>GPT-2, GPT-J, GPT-NeoX; gpt-2 in GGUF</summary>
    Gpt2,
    /// <summary>each digit alone, the rest as GPT-2; starcoder in GGUF</summary>
    Gpt2Digits,
    /// <summary>Llama 3: contractions in any case, numbers in groups of three, line ends together with the symbols before them; llama-bpe
    /// in GGUF</summary>
    Llama3,
    /// <summary>Qwen2: like Llama 3, but single digits; qwen2 in GGUF</summary>
    Qwen2,
    /// <summary>in another way, which only the tokenizer's own file describes</summary>
    Other,
}

/// <summary>
/// A tokenizer as data: what every file format of tokenizers stores in its own way, and what a writer of any format needs. It describes
/// what the tokenizer does, so settings of tokenizer_config.json that take precedence over the tokenizer's own file are already applied.
/// </summary>
/// <remarks>Not described, because only tokenizer.json has it: what the decoder does beyond the spelling of pieces.</remarks>
public sealed record TokenizerModel
{
    /// <summary>The spelling of the pieces and the order of merges.</summary>
    public TokenizerKind Kind { get; init; }
    /// <summary>The pieces by id, added tokens included.</summary>
    public IReadOnlyList<TokenizerPiece> Pieces { get; init; } = [];
    /// <summary>Whether the scores of the pieces decide which pair is merged first (SentencePiece). If not, <see cref="Merges"/>
    /// do.</summary>
    public bool HasScores { get; init; }
    /// <summary>
    /// The pairs that are merged, the first one first. Empty if the pieces have scores: then any two pieces merge whose concatenation is a
    /// normal piece. For tiktoken, which stores none, they are derived from the ranks, in the order that transformers gives them.
    /// </summary>
    public IReadOnlyList<(string Left, string Right)> Merges { get; init; } = [];
    /// <summary>Whether a word that is a piece becomes its id without merging (ignore_merges).</summary>
    public bool IgnoresMerges { get; init; }
    /// <summary>Whether a character that the vocabulary lacks becomes its bytes.</summary>
    public bool HasByteFallback { get; init; }

    /// <summary>Whether some added token takes the white space before it along, or is one only as a whole word (lstrip, single_word), which
    /// only tokenizer.json can say in full.</summary>
    public bool AddedTokensDependOnNeighbors { get; init; }
    /// <summary>Ids of the added tokens that take the white space behind them along (rstrip).</summary>
    public IReadOnlyList<int> RightStripIds { get; init; } = [];

    /// <summary>The split into words.</summary>
    public PreTokenizerPattern PreTokenizer { get; init; }
    /// <summary>The normalizers' names in Hugging Face's library (NFC, Prepend, ...), in order of application. Prepend and Replace alone
    /// are SentencePiece's, of ▁ and of a space by ▁; others have their contents after the name.</summary>
    public IReadOnlyList<string> Normalizers { get; init; } = [];
    /// <summary>Whether a text gets a leading space (add_prefix_space, add_dummy_prefix).</summary>
    public bool AddsPrefixSpace { get; init; }
    /// <summary>Whether runs of spaces become one, and those at the ends of a text none (SentencePiece's
    /// remove_extra_whitespaces).</summary>
    public bool RemovesExtraWhitespace { get; init; }
    /// <summary>Whether pieces have ▁ for a space (SentencePiece's escape_whitespaces).</summary>
    public bool EscapesWhitespace { get; init; }

    /// <summary>id of the beginning-of-text token; null: none</summary>
    public int? BosId { get; init; }
    /// <summary>id of the end-of-text token; null: none</summary>
    public int? EosId { get; init; }
    /// <summary>every id that ends a text (see <see cref="ITokenizer.EndIds"/>)</summary>
    public IReadOnlyList<int> EndIds { get; init; } = [];
    /// <summary>id of the unknown token; null: none</summary>
    public int? UnknownId { get; init; }
    /// <summary>id of the padding token; null: none</summary>
    public int? PadId { get; init; }
    /// <summary>whether the model expects BOS before a text; EOS is put behind none</summary>
    public bool AddsBos { get; init; }
}
