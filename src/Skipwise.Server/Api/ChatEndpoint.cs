using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skipwise.Chat;
using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>POST /v1/chat/completions</summary>
internal sealed class ChatEndpoint(ServedModels models, ServerOptions limits, ServerMetrics metrics)
{
    private const int MostLogprobs = 20; // OpenAI's

    public async Task<JsonObject?> AnswerAsync(HttpContext http, CancellationToken cancel)
    {
        RequestFields fields = await RequestFields.ReadAsync(http, cancel).ConfigureAwait(false);
        TextModel model = models.Find(fields.Text("model"));
        RefuseUnsupported(fields);
        int[] prompt = Encode(fields, model);
        int texts = GenerationFields.TextsPerPrompt(fields, 1, limits);
        bool withScores = fields.Flag("logprobs");
        int top = fields.Integer("top_logprobs") ?? 0;
        if (top is < 0 or > MostLogprobs)
        {
            throw ApiException.Invalid("top_logprobs", $"has to be from 0 to {MostLogprobs}.");
        }
        TextRequest request = GenerationFields.Read(fields, model, prompt, defaultTokens: null, limits) with
        {
            TopLogProbabilities = withScores ? top : null,
        };
        bool streams = fields.Flag("stream"), withProgress = streams && fields.Flag("return_progress");
        var choices = new TextChoices(model, [request], texts, withProgress, metrics, cancel);
        if (streams)
        {
            await StreamAsync(http, choices, model.Name, fields.Object("stream_options").Flag("include_usage"), cancel)
                .ConfigureAwait(false);
            return null;
        }
        List<TextDelta>[] deltas = [.. Enumerable.Range(0, texts).Select(_ => new List<TextDelta>())];
        await foreach ((int index, TextDelta delta) in choices.ReadAsync().ConfigureAwait(false))
        {
            deltas[index].Add(delta);
        }
        Func<JsonArray, JsonObject> envelope = Answers.Envelope("chatcmpl", "chat.completion", model.Name);
        JsonObject answer = envelope([.. deltas.Select((own, index) => Answers.WithEvidence(new()
        {
            ["index"] = index,
            ["message"] = new JsonObject
            {
                ["role"] = "assistant",
                ["content"] = string.Concat(own.Select(delta => delta.Text)),
            },
            ["logprobs"] = withScores
                ? Answers.ChatLogprobs(own.Select(delta => delta.Token).OfType<TextToken>().Where(token => token.Text.Length > 0)) : null,
            ["finish_reason"] = Answers.Finish(own[^1].Finish),
        }, choices.Texts[index]))]);
        answer["usage"] = Answers.Usage(choices, texts);
        return answer;
    }

    private static async Task StreamAsync(
        HttpContext http, TextChoices choices, string model, bool withUsage, CancellationToken cancel)
    {
        Func<JsonArray, JsonObject> envelope = Answers.Envelope("chatcmpl", "chat.completion.chunk", model);
        static JsonObject Chunk(int index, JsonObject delta, JsonObject? logprobs, FinishReason? finish) => new()
        {
            ["index"] = index,
            ["delta"] = delta,
            ["logprobs"] = logprobs,
            ["finish_reason"] = Answers.Finish(finish),
        };
        EventStream events = await EventStream.BeginAsync(http.Response, cancel).ConfigureAwait(false);
        var begun = new HashSet<int>();
        await foreach ((int index, TextDelta? delta) in events.KeepAlive(choices.ReadWithProgressAsync(), cancel).ConfigureAwait(false))
        {
            if (delta is null)
            {
                await events.SendProgressAsync(envelope, choices, cancel).ConfigureAwait(false);
                continue;
            }
            if (begun.Add(index))
            {
                await events.SendAsync(
                    envelope([Chunk(index, new() { ["role"] = "assistant", ["content"] = "" }, null, null)]), cancel).ConfigureAwait(false);
            }
            if (delta.Text.Length > 0 || delta.Token?.Text.Length > 0)
            {
                JsonObject? scores = delta.Token?.Text.Length > 0 ? Answers.ChatLogprobs([delta.Token]) : null;
                await events.SendAsync(envelope([Chunk(index, new() { ["content"] = delta.Text }, scores, null)]), cancel)
                    .ConfigureAwait(false);
            }
            if (delta.Finish is not null)
            {
                JsonObject end = Answers.WithEvidence(Chunk(index, [], null, delta.Finish), choices.Texts[index]);
                await events.SendAsync(envelope([end]), cancel).ConfigureAwait(false);
            }
        }
        if (withUsage)
        {
            JsonObject last = envelope([]);
            last["usage"] = Answers.Usage(choices, choices.Texts.Count);
            await events.SendAsync(last, cancel).ConfigureAwait(false);
        }
        await events.EndAsync(cancel).ConfigureAwait(false);
    }

    /// <summary>Fields whose meaning is a promise about the answer that is not kept.</summary>
    private static void RefuseUnsupported(RequestFields fields)
    {
        fields.Refuse("response_format", format => format is JsonObject shape && shape["type"]?.ToString() == "text");
        fields.Refuse("tool_choice", choice => choice.ToString() is "auto" or "none");
        fields.Refuse("functions", functions => functions is JsonArray { Count: 0 });
        fields.Refuse("audio", _ => false);
        fields.Refuse("modalities", modalities => modalities.ToJsonString() == "[\"text\"]");
    }

    /// <summary>The token ids of the conversation in "messages".</summary>
    /// <exception cref="ApiException">the model takes no conversations, or the field is no list of messages</exception>
    internal static int[] Encode(RequestFields fields, TextModel model)
    {
        if (model.Template is null)
        {
            throw new ApiException(StatusCodes.Status400BadRequest,
                $"The model '{model.Name}' has no chat template: it continues texts. Use /v1/completions, or add a " +
                "chat_template.jinja to its folder.", "no_chat_template", "messages");
        }
        if (fields["messages"] is not JsonArray { Count: > 0 } messages || messages.Any(message => message is not JsonObject))
        {
            throw ApiException.Invalid("messages", "has to be a list of objects with role and content.");
        }
        var variables = new Dictionary<string, JsonNode?>();
        if (fields["chat_template_kwargs"] is JsonObject more)
        {
            foreach ((string name, JsonNode? value) in more)
            {
                variables[name] = value;
            }
        }
        return model.EncodeChat([.. messages.Select(message => (JsonObject)message!)], new ChatTemplateOptions
        {
            AddGenerationPrompt = true,
            Tools = Tools(fields),
            Variables = variables,
        });
    }

    private static IReadOnlyList<JsonObject>? Tools(RequestFields fields) => fields["tools"] switch
    {
        null or JsonArray { Count: 0 } => null,
        JsonArray tools when tools.All(tool => tool is JsonObject) => [.. tools.Select(tool => (JsonObject)tool!)],
        _ => throw ApiException.Invalid("tools", "has to be a list of objects."),
    };
}
