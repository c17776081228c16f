using System.Text.Json.Nodes;
using Skipwise.Storage;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tokenizers.Training;

/// <summary>Writes a vocabulary in Hugging Face's format: tokenizer.json, tokenizer_config.json, special_tokens_map.json.</summary>
internal static class TokenizerWriter
{
    /// <summary>Writes the files.</summary>
    /// <param name="vocabulary">its special tokens are padding, beginning and end of a text, in this order</param>
    /// <param name="folder">created if missing; existing files are replaced</param>
    /// <param name="maximumLength">model_max_length, in tokens</param>
    public static void Write(BytePairVocabulary vocabulary, string folder, int maximumLength)
    {
        if (vocabulary.SpecialTokens is not [string pad, string begin, string end])
        {
            throw new SkipwiseException(
                $"a tokenizer is written with 3 special tokens (padding, begin, end), this vocabulary has " +
                $"{vocabulary.SpecialTokens.Count}");
        }

        Directory.CreateDirectory(folder);
        WriteFile(folder, "tokenizer.json", Tokenizer(vocabulary, begin));
        WriteFile(folder, "special_tokens_map.json", SpecialTokens(pad, begin, end));
        JsonObject config = SpecialTokens(pad, begin, end);
        config["tokenizer_class"] = "PreTrainedTokenizerFast";
        config["add_bos_token"] = true;
        config["add_eos_token"] = false;
        config["clean_up_tokenization_spaces"] = false;
        config["model_max_length"] = maximumLength;
        WriteFile(folder, "tokenizer_config.json", config);
    }

    private static JsonObject SpecialTokens(string pad, string begin, string end) =>
        new() { ["bos_token"] = begin, ["eos_token"] = end, ["pad_token"] = pad };

    private static JsonObject Tokenizer(BytePairVocabulary vocabulary, string begin) => new()
    {
        ["version"] = "1.0",
        ["truncation"] = null,
        ["padding"] = null,
        ["added_tokens"] = TokenizerJsonParts.Array(
            vocabulary.SpecialTokens.Select((token, id) => TokenizerJsonParts.AddedToken(id, token, special: true))),
        ["normalizer"] = null,
        ["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(TokenizerJsonParts.Digits(), TokenizerJsonParts.ByteLevel()),
        },
        ["post_processor"] = TokenizerJsonParts.BeginFirst(begin, vocabulary.SpecialTokens.ToList().IndexOf(begin)),
        ["decoder"] = TokenizerJsonParts.ByteLevel(),
        ["model"] = TokenizerJsonParts.Model(vocabulary.Tokens.Select((token, id) => (token, id)), [.. vocabulary.Merges]),
    };

    private static void WriteFile(string folder, string name, JsonObject content) =>
        AtomicFile.WriteText(Path.Combine(folder, name), TokenizerJsonParts.Text(content));
}
