using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Skipwise.Tokenizers.Formats;

/// <summary>Parts of a tokenizer.json, for those who write one.</summary>
internal static class TokenizerJsonParts
{
    private static readonly JsonSerializerOptions s_json =
        new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A file's text.</summary>
    public static string Text(JsonObject content) => content.ToJsonString(s_json) + "\n";

    /// <summary>A token that is recognized in the text before it is normalized.</summary>
    /// <param name="stripsRight">whether it takes the white space behind it along</param>
    public static JsonObject AddedToken(int id, string content, bool special, bool stripsRight = false) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = stripsRight,
        ["normalized"] = false,
        ["special"] = special,
    };

    /// <summary>The pre-tokenizer or decoder of bytes.</summary>
    /// <param name="useRegex">whether it also splits a text into words as GPT-2 does</param>
    public static JsonObject ByteLevel(bool useRegex = true) =>
        new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = useRegex };

    /// <summary>The pre-tokenizer that makes each digit a word.</summary>
    public static JsonObject Digits() => new() { ["type"] = "Digits", ["individual_digits"] = true };

    /// <summary>The post-processor that prepends the begin token to a text, and to the first of a pair.</summary>
    public static JsonObject BeginFirst(string begin, int id)
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

    /// <summary>The model, without unknown token, byte fallback and ignore_merges.</summary>
    /// <param name="vocabulary">pieces with their ids</param>
    /// <param name="merges">the first is made first</param>
    public static JsonObject Model(IEnumerable<(string Piece, int Id)> vocabulary, IReadOnlyCollection<(string Left, string Right)> merges)
    {
        bool hasSpaces = merges.Any(merge => merge.Left.Contains(' ', StringComparison.Ordinal)
            || merge.Right.Contains(' ', StringComparison.Ordinal));
        return new()
        {
            ["type"] = "BPE",
            ["dropout"] = null,
            ["unk_token"] = null,
            ["continuing_subword_prefix"] = null,
            ["end_of_word_suffix"] = null,
            ["fuse_unk"] = false,
            ["byte_fallback"] = false,
            ["ignore_merges"] = false,
            ["vocab"] = new JsonObject(vocabulary.Select(pair => KeyValuePair.Create(pair.Piece, (JsonNode?)pair.Id))),
            // one string per pair, which every version reads, unless a piece contains a space
            ["merges"] = Array(merges.Select(merge => hasSpaces ? (JsonNode)new JsonArray(merge.Left, merge.Right)
                : JsonValue.Create($"{merge.Left} {merge.Right}"))),
        };
    }

    /// <summary>A list.</summary>
    public static JsonArray Array(IEnumerable<JsonNode> items) => new([.. items]);
}
