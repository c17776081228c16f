using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>POST /v1/completions</summary>
internal sealed class CompletionsEndpoint(ServedModels models, ServerOptions limits, ServerMetrics metrics)
{
    private const int DefaultTokens = 16; // OpenAI's
    private const int MostLogprobs = 20; // OpenAI's of chat completions
    private const int MostScores = 1 << 20; // of one prompt: tokens times those at each place

    public async Task<JsonObject?> AnswerAsync(HttpContext http, CancellationToken cancel)
    {
        RequestFields fields = await RequestFields.ReadAsync(http, cancel).ConfigureAwait(false);
        TextModel model = models.Find(fields.Text("model"));
        fields.Refuse("suffix", suffix => suffix.ToJsonString() == "\"\"");
        Prompt[] prompts = Prompts(fields, model);
        int perPrompt = GenerationFields.TextsPerPrompt(fields, prompts.Length, limits);
        int? logprobs = fields.Integer("logprobs");
        if (logprobs is < 0 or > MostLogprobs)
        {
            throw ApiException.Invalid("logprobs", $"has to be from 0 to {MostLogprobs}.");
        }
        bool echo = fields.Flag("echo"), generates = fields.Integer("max_tokens") != 0;
        TextRequest[] requests = [.. prompts.Select(prompt => GenerationFields.Read(fields, model, prompt.Ids, DefaultTokens, limits) with
        {
            TopLogProbabilities = logprobs,
            ScoresPrompt = echo && logprobs is not null,
        })];
        if (echo && prompts.Any(prompt => (long)prompt.Ids.Length * (logprobs + 1) > MostScores))
        {
            throw ApiException.Invalid("logprobs", "asks for too many numbers about so long a prompt. Ask for fewer.");
        }
        bool streams = fields.Flag("stream"), withProgress = streams && fields.Flag("return_progress");
        var texts = new TextChoices(model, requests, perPrompt, withProgress, metrics, cancel);
        var choices = new Choice[texts.Texts.Count];
        for (int i = 0; i < choices.Length; i++)
        {
            choices[i] = new Choice(i, texts.Texts[i], echo ? prompts[i / perPrompt].Text : "", generates, logprobs is not null);
        }
        Func<JsonArray, JsonObject> envelope = Answers.Envelope("cmpl", "text_completion", model.Name);
        if (streams)
        {
            bool withUsage = fields.Object("stream_options").Flag("include_usage");
            EventStream events = await EventStream.BeginAsync(http.Response, cancel).ConfigureAwait(false);
            await foreach ((int index, TextDelta? delta) in events.KeepAlive(texts.ReadWithProgressAsync(), cancel).ConfigureAwait(false))
            {
                await (delta is null ? events.SendProgressAsync(envelope, texts, cancel)
                    : events.SendAsync(envelope([choices[index].Chunk(delta)]), cancel)).ConfigureAwait(false);
            }
            if (withUsage)
            {
                JsonObject last = envelope([]);
                last["usage"] = Answers.Usage(texts, perPrompt);
                await events.SendAsync(last, cancel).ConfigureAwait(false);
            }
            await events.EndAsync(cancel).ConfigureAwait(false);
            return null;
        }
        await foreach ((int index, TextDelta delta) in texts.ReadAsync().ConfigureAwait(false))
        {
            choices[index].Add(delta);
        }
        JsonObject answer = envelope([.. choices.Select(choice => choice.Whole())]);
        answer["usage"] = Answers.Usage(texts, perPrompt);
        return answer;
    }

    /// <summary>A text, a list of texts, a list of token ids, or a list of such lists.</summary>
    private Prompt[] Prompts(RequestFields fields, TextModel model)
    {
        const string what = "a text, token ids, or a list of these";
        Prompt OfIds(JsonArray list)
        {
            GenerationFields.RequireRoom(model, list.Count, 0);
            int[] ids = RequestFields.List<int>(list, "prompt", what);
            return new(ids, ids.All(id => (uint)id < (uint)model.Network.Config.VocabSize) ? model.Tokenizer.Decode(ids) : "");
        }
        JsonNode? prompt = fields["prompt"];
        if (prompt is JsonArray many && many.Count > limits.MaxTextsPerRequest && many[0]?.GetValueKind() is not JsonValueKind.Number)
        {
            throw ApiException.Invalid("prompt", $"has {many.Count} texts; at most {limits.MaxTextsPerRequest} are possible.");
        }
        switch (prompt)
        {
            case JsonArray { Count: > 0 } list when list[0] is JsonArray:
                return [.. list.Select(item => OfIds(item as JsonArray ?? []))];
            case JsonArray { Count: > 0 } list when list[0]?.GetValueKind() is JsonValueKind.Number:
                return [OfIds(list)];
            default:
                string[] texts = fields.Texts("prompt");
                return texts.Length > 0 ? [.. texts.Select(text => new Prompt(model.Encode(text), text))]
                    : throw ApiException.Invalid("prompt", $"is missing: give {what}.");
        }
    }

    /// <param name="Ids">token ids, with BOS</param>
    /// <param name="Text">as it was given</param>
    private sealed record Prompt(int[] Ids, string Text);

    /// <summary>One text of the answer.</summary>
    /// <param name="prompt">to be repeated before it</param>
    private sealed class Choice(int index, TextGeneration text, string prompt, bool generates, bool withScores)
    {
        private readonly List<TextDelta> _deltas = [];
        private int _shown; // characters

        public void Add(TextDelta delta) => _deltas.Add(delta);

        public JsonObject Chunk(TextDelta delta)
        {
            _deltas.Add(delta);
            return ToJson(withPrompt: _deltas.Count == 1, [delta]);
        }

        public JsonObject Whole() => ToJson(withPrompt: true, _deltas);

        private JsonObject ToJson(bool withPrompt, List<TextDelta> deltas)
        {
            string before = withPrompt ? prompt : "";
            IReadOnlyList<TextToken> scored = before.Length > 0 && withScores ? text.PromptScores() : [];
            deltas = generates ? deltas : [];
            TextToken[] tokens = [.. scored, .. deltas.Select(delta => delta.Token).OfType<TextToken>()];
            var choice = new JsonObject
            {
                ["index"] = index,
                ["text"] = string.Concat([before, .. deltas.Select(delta => delta.Text)]),
                ["logprobs"] = withScores ? Answers.Logprobs(tokens, _shown) : null,
                ["finish_reason"] = Answers.Finish(!generates ? FinishReason.Length : deltas.Count > 0 ? deltas[^1].Finish : null),
            };
            _shown += tokens.Sum(token => token.Text.Length);
            return generates ? Answers.WithEvidence(choice, text) : choice;
        }
    }
}
