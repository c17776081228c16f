using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skipwise.Inference;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>POST /v1/completions</summary>
internal sealed class CompletionsEndpoint(ServedModels models, ServerOptions limits, ServerMetrics metrics)
{
    private const int DefaultTokens = 16; // OpenAI's
    private const int MostLogprobs = 100;

    public async Task<JsonObject?> AnswerAsync(HttpContext http, CancellationToken cancel)
    {
        RequestFields fields = await RequestFields.ReadAsync(http).ConfigureAwait(false);
        TextModel model = models.Find(fields.Text("model"));
        fields.Refuse("suffix", suffix => suffix.ToJsonString() == "\"\"");
        int[][] prompts = Prompts(fields, model);
        int perPrompt = GenerationFields.TextsPerPrompt(fields, prompts.Length, limits);
        int? logprobs = fields.Integer("logprobs");
        if (logprobs is < 0 or > MostLogprobs)
        {
            throw ApiException.Invalid("logprobs", $"has to be from 0 to {MostLogprobs}.");
        }
        bool echo = fields.Flag("echo"), generates = fields.Integer("max_tokens") != 0;
        TextRequest[] requests = [.. prompts.Select(prompt => GenerationFields.Read(fields, model, prompt, DefaultTokens, limits) with
        {
            TopLogProbabilities = logprobs,
            ScoresPrompt = echo && logprobs is not null,
        })];
        TextChoices texts = TextChoices.Begin(model, requests, perPrompt, metrics, cancel);
        var choices = new Choice[texts.Texts.Count];
        for (int i = 0; i < choices.Length; i++)
        {
            choices[i] = new Choice(i, texts.Texts[i], echo, generates, logprobs is not null);
        }
        Func<JsonArray, JsonObject> envelope = Answers.Envelope("cmpl", "text_completion", model.Name);
        if (fields.Flag("stream"))
        {
            bool withUsage = fields.Object("stream_options").Flag("include_usage");
            EventStream? events = null; // the first delta decides whether there is an error instead
            await foreach ((int index, TextDelta delta) in texts.ReadAsync().ConfigureAwait(false))
            {
                events ??= new EventStream(http.Response);
                await events.SendAsync(envelope([choices[index].Chunk(delta)]), cancel).ConfigureAwait(false);
            }
            events ??= new EventStream(http.Response);
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
    private static int[][] Prompts(RequestFields fields, TextModel model)
    {
        const string what = "a text, token ids, or a list of these";
        switch (fields["prompt"])
        {
            case JsonArray { Count: > 0 } list when list[0] is JsonArray:
                return [.. list.Select(item => RequestFields.List<int>(item as JsonArray ?? [], "prompt", what))];
            case JsonArray { Count: > 0 } list when list[0]?.GetValueKind() is System.Text.Json.JsonValueKind.Number:
                return [RequestFields.List<int>(list, "prompt", what)];
            default:
                string[] texts = fields.Texts("prompt");
                return texts.Length > 0 ? [.. texts.Select(model.Encode)]
                    : throw ApiException.Invalid("prompt", $"is missing: give {what}.");
        }
    }

    /// <summary>One text of the answer.</summary>
    private sealed class Choice(int index, TextGeneration text, bool echo, bool generates, bool withScores)
    {
        private readonly List<TextDelta> _deltas = [];
        private int _shown; // characters

        public void Add(TextDelta delta) => _deltas.Add(delta);

        public JsonObject Chunk(TextDelta delta)
        {
            bool isFirst = _shown == 0 && _deltas.Count == 0;
            _deltas.Add(delta);
            return ToJson(isFirst && echo, [delta]);
        }

        public JsonObject Whole() => ToJson(echo, _deltas);

        private JsonObject ToJson(bool withPrompt, List<TextDelta> deltas)
        {
            IReadOnlyList<TextToken> prompt = withPrompt ? text.PromptTexts() : [];
            deltas = generates ? deltas : [];
            TextToken[] tokens = [.. prompt, .. deltas.Select(delta => delta.Token).OfType<TextToken>()];
            string shown = string.Concat([.. prompt.Select(token => token.Text), .. deltas.Select(delta => delta.Text)]);
            var choice = new JsonObject
            {
                ["index"] = index,
                ["text"] = shown,
                ["logprobs"] = withScores ? Answers.Logprobs(tokens, _shown) : null,
                ["finish_reason"] = Answers.Finish(!generates ? FinishReason.Length : deltas.Count > 0 ? deltas[^1].Finish : null),
            };
            _shown += tokens.Sum(token => token.Text.Length);
            return choice;
        }
    }
}
