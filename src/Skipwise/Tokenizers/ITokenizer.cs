namespace Skipwise.Tokenizers;

/// <summary>Converts text to token ids and back. Thread-safe.</summary>
public interface ITokenizer
{
    /// <summary>number of ids, added tokens included; every id is below it</summary>
    int VocabularySize { get; }
    /// <summary>id of the beginning-of-text token; null: none</summary>
    int? BosId { get; }
    /// <summary>id of the end-of-text token; null: none</summary>
    int? EosId { get; }
    /// <summary>
    /// every id that ends a text: EOS, and all eos_token_id of the model's config.json and generation_config.json (Llama 3 Instruct has
    /// three)
    /// </summary>
    IReadOnlyList<int> EndIds => EosId is { } eos ? [eos] : [];
    /// <summary>whether the model expects BOS before a text (add_bos_token of tokenizer_config.json, or the post-processor's
    /// template)</summary>
    bool AddsBos { get; }

    /// <summary>Encodes a text without adding BOS or EOS. Special tokens in the text are recognized.</summary>
    int[] Encode(string text);

    /// <summary>Decodes ids to text. Special tokens are omitted.</summary>
    string Decode(ReadOnlySpan<int> ids);

    /// <summary>The tokenizer as data, from which a file of any format can be written; null if it is not made of pieces. It is made by each
    /// call.</summary>
    TokenizerModel? ToModel() => null;
}
