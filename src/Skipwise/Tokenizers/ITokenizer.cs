namespace Skipwise.Tokenizers;

/// <summary>Text to token ids and back. Safe to use from several threads.</summary>
public interface ITokenizer
{
    /// <summary>number of ids, added tokens included: every id is below it</summary>
    int VocabularySize { get; }
    int? BosId { get; }
    int? EosId { get; }
    /// <summary>
    /// every id that ends a text: EOS, and all that the model's config.json and generation_config.json give as eos_token_id
    /// (Llama 3 Instruct has three)
    /// </summary>
    IReadOnlyList<int> EndIds => EosId is { } eos ? [eos] : [];
    /// <summary>whether this model family puts BOS before a text (tokenizer_config.json add_bos_token, or the post-processor's
    /// template)</summary>
    bool AddsBos { get; }

    /// <summary>Ids of the text alone: no BOS, no EOS. Special tokens written in the text are recognised.</summary>
    int[] Encode(string text);

    /// <summary>The text of the ids; special tokens are left out.</summary>
    string Decode(ReadOnlySpan<int> ids);
}
