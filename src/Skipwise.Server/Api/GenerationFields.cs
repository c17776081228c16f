using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>The fields that completions and chat completions share.</summary>
internal static class GenerationFields
{
    private const int MostStops = 64, LongestStop = 256;

    /// <summary>The request for one prompt.</summary>
    /// <param name="prompt">token ids</param>
    /// <param name="defaultTokens">tokens to generate if the client sets none; null: what the window leaves</param>
    /// <exception cref="ApiException">a field is out of range, or the text would be longer than the window</exception>
    public static TextRequest Read(RequestFields fields, TextModel model, int[] prompt, int? defaultTokens, ServerOptions limits)
    {
        RequireRoom(model, prompt.Length, 0);
        int room = model.ContextLength - prompt.Length;
        int asked = fields.Integer("max_completion_tokens") ?? fields.Integer("max_tokens") ?? Math.Min(defaultTokens ?? room, room);
        if (asked < 0)
        {
            throw ApiException.Invalid("max_tokens", "has to be 0 or more.");
        }
        int tokens = Math.Min(asked, limits.MaxTokens ?? int.MaxValue);
        if (prompt.Length == 0)
        {
            throw ApiException.Invalid("prompt", "is empty. Give at least one token.");
        }
        RequireRoom(model, prompt.Length, tokens);
        string[] stops = fields.Texts("stop");
        if (stops.Length > MostStops || stops.Any(stop => stop.Length > LongestStop))
        {
            throw ApiException.Invalid("stop", $"has to be at most {MostStops} texts of {LongestStop} characters.");
        }
        return new TextRequest
        {
            Prompt = prompt,
            FindsSources = Evidence(fields, model),
            StopTexts = stops,
            Options = new GenerationOptions
            {
                MaxNewTokens = Math.Max(1, tokens), // a text without a new token is asked for with echo: the caller leaves it out
                Temperature = fields.Number("temperature") ?? 1,
                TopP = fields.Number("top_p") ?? 1,
                TopK = Math.Max(0, fields.Integer("top_k") ?? 0), // -1 is "all" in vLLM
                MinP = fields.Number("min_p") ?? 0,
                RepetitionPenalty = fields.Number("repetition_penalty") ?? 1,
                FrequencyPenalty = fields.Number("frequency_penalty") ?? 0,
                PresencePenalty = fields.Number("presence_penalty") ?? 0,
                LogitBias = LogitBias(fields),
                Seed = (ulong)(fields.Long("seed") ?? Random.Shared.NextInt64()),
            },
        };
    }

    /// <exception cref="ApiException">so many tokens of a prompt and to be generated are more than the window</exception>
    public static void RequireRoom(TextModel model, int prompt, int tokens)
    {
        if ((long)prompt + tokens > model.ContextLength)
        {
            throw new ApiException(StatusCodes.Status400BadRequest,
                $"This model's maximum context length is {model.ContextLength} tokens, but the prompt has {prompt} and {tokens} are to " +
                "be generated. Shorten the prompt or ask for fewer tokens.", "context_length_exceeded", "prompt");
        }
    }

    private static bool Evidence(RequestFields fields, TextModel model) => fields.Flag("evidence")
        && (model.Engine.CanFindSources ? true
            : throw ApiException.Invalid("evidence",
                $"is known only of models that are decoded on the CPU, and '{model.Name}' is not. Leave it out."));

    /// <summary>n, the number of texts per prompt.</summary>
    public static int TextsPerPrompt(RequestFields fields, int prompts, ServerOptions limits)
    {
        int texts = fields.Integer("n") ?? 1;
        fields.Refuse("best_of", best => best.ToJsonString() == texts.ToString(CultureInfo.InvariantCulture));
        return texts < 1 || (long)texts * prompts > limits.MaxTextsPerRequest
            ? throw ApiException.Invalid("n",
                $"has to be 1 or more, and with {prompts} prompts at most {limits.MaxTextsPerRequest / prompts}.")
            : texts;
    }

    private static Dictionary<int, double> LogitBias(RequestFields fields)
    {
        var biases = new Dictionary<int, double>();
        if (fields["logit_bias"] is { } node)
        {
            foreach ((string id, JsonNode? bias) in node as JsonObject ?? throw ApiException.Invalid("logit_bias", "has to be an object."))
            {
                if (!int.TryParse(id, CultureInfo.InvariantCulture, out int token) || bias is not JsonValue value
                    || !value.TryGetValue(out double number))
                {
                    throw ApiException.Invalid("logit_bias", "has to hold numbers by token id.");
                }
                biases[token] = number;
            }
        }
        return biases;
    }
}
