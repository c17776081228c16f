using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>The parts of answers that completions and chat completions share, in OpenAI's terms.</summary>
internal static class Answers
{
    // JSON as such is never shown by a browser: letters need no escapes
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>JSON as it is sent.</summary>
    public static string Text(JsonObject answer) => answer.ToJsonString(s_plain);

    /// <summary>The object around the choices.</summary>
    /// <param name="prefix">of the id: "cmpl", "chatcmpl"</param>
    /// <param name="kind">the field "object"</param>
    public static Func<JsonArray, JsonObject> Envelope(string prefix, string kind, string model)
    {
        string id = $"{prefix}-{Guid.NewGuid():N}";
        long created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        return choices => new JsonObject
        {
            ["id"] = id,
            ["object"] = kind,
            ["created"] = created,
            ["model"] = model,
            ["choices"] = choices,
        };
    }

    public static JsonObject Usage(TextChoices texts, int perPrompt)
    {
        (int prompt, int cached, int generated) = texts.Usage(perPrompt);
        return new JsonObject
        {
            ["prompt_tokens"] = prompt,
            ["completion_tokens"] = generated,
            ["total_tokens"] = prompt + generated,
            ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = cached },
        };
    }

    /// <summary>Adds to the end of a text the places of the prompt that it was read off, if they were asked for.</summary>
    public static JsonObject WithEvidence(JsonObject choice, TextGeneration text)
    {
        if (choice["finish_reason"] is not null && text.Evidence() is { } places)
        {
            choice["evidence"] = new JsonArray([.. places.Select(place =>
            {
                (string words, int offset) = text.PromptText(place.Start, place.End);
                return new JsonObject
                {
                    ["start"] = place.Start,
                    ["end"] = place.End,
                    ["score"] = Math.Round(place.Score, 4),
                    ["text"] = words,
                    ["text_offset"] = offset,
                };
            })]);
        }
        return choice;
    }

    public static string? Finish(FinishReason? finish) => finish switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => null,
    };

    /// <summary>Log probabilities as completions write them. The most probable tokens are keyed by their texts; of tokens with one text,
    /// the first counts.</summary>
    /// <param name="offset">characters of text before the first token</param>
    public static JsonObject Logprobs(IEnumerable<TextToken> tokens, int offset)
    {
        (JsonArray texts, JsonArray own, JsonArray top, JsonArray offsets) = ([], [], [], []);
        foreach (TextToken token in tokens)
        {
            texts.Add((JsonNode)token.Text);
            own.Add((JsonNode?)token.LogProbability);
            offsets.Add((JsonNode)offset);
            offset += token.Text.Length;
            var best = new JsonObject();
            foreach (TextToken other in token.Top)
            {
                best.TryAdd(other.Text, other.LogProbability);
            }
            top.Add(token.LogProbability is null ? null : best);
        }
        return new JsonObject { ["tokens"] = texts, ["token_logprobs"] = own, ["top_logprobs"] = top, ["text_offset"] = offsets };
    }

    /// <summary>Log probabilities as chat completions write them.</summary>
    public static JsonObject ChatLogprobs(IEnumerable<TextToken> tokens) => new()
    {
        ["content"] = new JsonArray([.. tokens.Select(token =>
        {
            JsonObject entry = ChatToken(token);
            entry["top_logprobs"] = new JsonArray([.. token.Top.Select(ChatToken)]);
            return entry;
        })]),
    };

    private static JsonObject ChatToken(TextToken token) => new()
    {
        ["token"] = token.Text,
        ["logprob"] = token.LogProbability,
        ["bytes"] = new JsonArray([.. System.Text.Encoding.UTF8.GetBytes(token.Text).Select(one => (JsonNode)(int)one)]),
    };
}
