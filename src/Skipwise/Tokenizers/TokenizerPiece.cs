namespace Skipwise.Tokenizers;

/// <summary>The role of a token, with the numbers of SentencePiece and of GGUF's <c>tokenizer.ggml.token_type</c>.</summary>
public enum TokenType
{
    /// <summary>a piece that texts are encoded with</summary>
    Normal = 1,
    /// <summary>stands for what the vocabulary lacks</summary>
    Unknown = 2,
    /// <summary>a special token, such as BOS; omitted when ids are decoded</summary>
    Control = 3,
    /// <summary>recognized in the text before encoding, and decoded to its text</summary>
    UserDefined = 4,
    /// <summary>an id without a piece</summary>
    Unused = 5,
    /// <summary>one byte of a character that the vocabulary lacks, written &lt;0x0A&gt;</summary>
    Byte = 6,
}

/// <summary>One piece of a vocabulary.</summary>
/// <param name="Text">as the format spells it (see <see cref="TokenizerKind"/>); control, unknown and user-defined pieces are text as it
/// is; an unused id has an empty one</param>
/// <param name="Type">its role</param>
/// <param name="Score">of two possible merges, the one whose piece has the higher score is made first; 0 where the vocabulary has merges
/// instead</param>
public readonly record struct TokenizerPiece(string Text, TokenType Type, float Score = 0);
