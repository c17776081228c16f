using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Storage;

namespace Skipwise.Tokenizers.Training;

/// <summary>Writes a vocabulary in Hugging Face's format: tokenizer.json, tokenizer_config.json, special_tokens_map.json.</summary>
internal static class TokenizerWriter
{
    private static readonly JsonSerializerOptions s_json =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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
        ["added_tokens"] = Array(vocabulary.SpecialTokens.Select((token, id) => new JsonObject
        {
            ["id"] = id,
            ["content"] = token,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
            ["special"] = true,
        })),
        ["normalizer"] = null,
        ["pre_tokenizer"] = new JsonObject
        {
            ["type"] = "Sequence",
            ["pretokenizers"] = new JsonArray(new JsonObject { ["type"] = "Digits", ["individual_digits"] = true }, ByteLevel()),
        },
        ["post_processor"] = BeginFirst(begin, vocabulary.SpecialTokens.ToList().IndexOf(begin)),
        ["decoder"] = ByteLevel(),
        ["model"] = Model(vocabulary),
    };

    private static JsonObject Model(BytePairVocabulary vocabulary) => new()
    {
        ["type"] = "BPE",
        ["dropout"] = null,
        ["unk_token"] = null,
        ["continuing_subword_prefix"] = null,
        ["end_of_word_suffix"] = null,
        ["fuse_unk"] = false,
        ["byte_fallback"] = false,
        ["ignore_merges"] = false,
        ["vocab"] = new JsonObject(vocabulary.Tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
        // One string per pair, which every version reads; no token of this alphabet contains a space.
        ["merges"] = Array(vocabulary.Merges.Select(merge => JsonValue.Create($"{merge.Left} {merge.Right}"))),
    };

    private static JsonObject ByteLevel() =>
        new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };

    /// <summary>The post-processor that prepends the begin token to a text, and to the first of a pair.</summary>
    private static JsonObject BeginFirst(string begin, int id)
    {
        static JsonObject Sequence(string name, int type) => new() { ["Sequence"] = new JsonObject { ["id"] = name, ["type_id"] = type } };
        JsonObject Begin() => new() { ["SpecialToken"] = new JsonObject { ["id"] = begin, ["type_id"] = 0 } };
        return new JsonObject
        {
            ["type"] = "TemplateProcessing",
            ["single"] = new JsonArray(Begin(), Sequence("A", 0)),
            ["pair"] = new JsonArray(Begin(), Sequence("A", 0), Sequence("B", 1)),
            ["special_tokens"] = new JsonObject
            {
                [begin] = new JsonObject { ["id"] = begin, ["ids"] = new JsonArray(id), ["tokens"] = new JsonArray(begin) },
            },
        };
    }

    private static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);

    private static void WriteFile(string folder, string name, JsonObject content) =>
        AtomicFile.WriteText(Path.Combine(folder, name), content.ToJsonString(s_json) + "\n");
}
