using System.Text.Json.Nodes;
using Skipwise.Evaluation.Scoring;
using Skipwise.Serving;

namespace Skipwise.Tests.Server;

/// <summary>/v1/completions and the tokenizer's endpoints, as evaluation programs call them.</summary>
public sealed class CompletionsTests(ServedTinyModel served) : IClassFixture<ServedTinyModel>
{
    private const string Prompt = "The keeper of the lighthouse went";

    /// <summary>The request of lm-evaluation-harness's local-completions: id lists, echo, and one token that it drops. Its score is the sum
    /// of token_logprobs[context:-1], and a token counts as greedy if its value is the largest one.</summary>
    [Fact]
    public async Task Scores_of_lm_evaluation_harness_are_those_of_the_tasks()
    {
        int[][] contexts = [.. ((string[])["The keeper", "Tessa has a red lamp. The lamp", "In the"]).Select(served.Model.Encode)];
        int[][] answers = [.. ((string[])[" of the lighthouse", " is red.", " harbour town Hugo lives"]).Select(
            text => served.Model.Tokenizer.Encode(text))];
        (int status, JsonObject body) = await served.PostAsync("/v1/completions", new JsonObject
        {
            ["model"] = ServedTinyModel.Name,
            ["prompt"] = new JsonArray([.. contexts.Zip(answers, (context, answer) =>
                new JsonArray([.. context.Concat(answer).Select(id => (JsonNode)id)]))]),
            ["temperature"] = 0,
            ["max_tokens"] = 1,
            ["logprobs"] = 1,
            ["seed"] = 1234,
            ["echo"] = true,
        }.ToJsonString());
        Assert.Equal(200, status);
        using var tasks = new EvaluationLM(served.Model.Network, null);
        (int Index, AnswerScore Score)[] expected = [.. tasks.LogLikelihood(contexts, answers)];
        JsonNode[] choices = [.. body["choices"]!.AsArray().OrderBy(choice => (int)choice!["index"]!).Select(choice => choice!)];
        Assert.Equal(3, choices.Length);
        foreach ((int index, AnswerScore score) in expected)
        {
            JsonNode logprobs = choices[index]["logprobs"]!;
            double?[] own = [.. logprobs["token_logprobs"]!.AsArray().Select(value => (double?)value)];
            Assert.Null(own[0]);
            Assert.Equal(contexts[index].Length + answers[index].Length + 1, own.Length);
            Range scored = contexts[index].Length..^1;
            Assert.Equal(score.LogProbs.Sum(), own[scored].Sum()!.Value, 1e-4);
            double[] best =
                [.. logprobs["top_logprobs"]!.AsArray().ToArray()[scored].Select(top => top!.AsObject().Max(at => (double)at.Value!))];
            Assert.Equal(score.IsGreedy, own[scored].Zip(best, (token, top) => token == top));
        }
    }

    /// <summary>The token that lm-evaluation-harness drops is there also if it ends the text.</summary>
    [Fact]
    public async Task A_token_that_ends_the_text_has_its_score()
    {
        int[] prompt = served.Model.Encode(Prompt);
        (_, JsonObject body) = await served.PostAsync("/v1/completions", new JsonObject
        {
            ["prompt"] = Prompt,
            ["max_tokens"] = 1,
            ["temperature"] = 0,
            ["logprobs"] = 1,
            ["echo"] = true,
            ["logit_bias"] = new JsonObject { [$"{served.Model.Tokenizer.EosId}"] = 1000 },
        }.ToJsonString());
        JsonNode choice = body["choices"]![0]!;
        Assert.Equal(Prompt, (string)choice["text"]!);
        Assert.Equal("stop", (string)choice["finish_reason"]!);
        Assert.Equal(prompt.Length + 1, choice["logprobs"]!["token_logprobs"]!.AsArray().Count);
    }

    [Fact]
    public async Task Several_prompts_and_texts_come_in_order()
    {
        (int status, JsonObject body) = await served.PostAsync("/v1/completions",
            """{"prompt":["The keeper of","Tessa has a"],"n":2,"max_tokens":8,"temperature":1.5,"seed":5,"unknown":{"x":1}}""");
        Assert.Equal(200, status);
        JsonArray choices = body["choices"]!.AsArray();
        Assert.Equal([0, 1, 2, 3], choices.Select(choice => (int)choice!["index"]!));
        Assert.Equal(4, choices.Select(choice => (string)choice!["text"]!).Distinct().Count());
        Assert.Equal(32, (int)body["usage"]!["completion_tokens"]!);
        int tokens = served.Model.Encode("The keeper of").Length + served.Model.Encode("Tessa has a").Length;
        Assert.Equal(tokens, (int)body["usage"]!["prompt_tokens"]!); // each prompt once
        (_, JsonObject again) = await served.PostAsync("/v1/completions",
            """{"prompt":"Tessa has a","n":2,"max_tokens":8,"temperature":1.5,"seed":5}""");
        Assert.Equal(choices.Skip(2).Select(choice => (string)choice!["text"]!),
            again["choices"]!.AsArray().Select(choice => (string)choice!["text"]!));
    }

    [Fact]
    public async Task Echo_without_new_tokens_scores_the_prompt_alone()
    {
        (_, JsonObject body) = await served.PostAsync("/v1/completions",
            $$"""{"prompt":"{{Prompt}}","max_tokens":0,"echo":true,"logprobs":2}""");
        JsonNode choice = body["choices"]![0]!;
        Assert.Equal(Prompt, (string)choice["text"]!);
        Assert.Equal(served.Model.Encode(Prompt).Length, choice["logprobs"]!["tokens"]!.AsArray().Count);
        int[] offsets = [.. choice["logprobs"]!["text_offset"]!.AsArray().Select(offset => (int)offset!)];
        string[] tokens = [.. choice["logprobs"]!["tokens"]!.AsArray().Select(token => (string)token!)];
        Assert.All(tokens.Zip(offsets), token => Assert.Equal(token.First, Prompt.Substring(token.Second, token.First.Length)));
    }

    [Fact]
    public async Task A_stream_holds_what_one_answer_holds()
    {
        string request = $$"""{"prompt":"{{Prompt}}","max_tokens":12,"temperature":0,"logprobs":1,"echo":true,"stop":["\n","zzz"]""";
        (_, JsonObject whole) = await served.PostAsync("/v1/completions", request + "}");
        JsonObject[] chunks = await StreamAsync(request + """,  "stream":true,"stream_options":{"include_usage":true}}""");
        Assert.Empty(chunks[^1]["choices"]!.AsArray());
        Assert.Equal(whole["usage"]!.ToJsonString(), chunks[^1]["usage"]!.ToJsonString().Replace(
            $"\"cached_tokens\":{(int)chunks[^1]["usage"]!["prompt_tokens_details"]!["cached_tokens"]!}",
            $"\"cached_tokens\":{(int)whole["usage"]!["prompt_tokens_details"]!["cached_tokens"]!}", StringComparison.Ordinal));
        JsonNode[] choices = [.. chunks[..^1].Select(chunk => chunk["choices"]![0]!)];
        Assert.Equal((string)whole["choices"]![0]!["text"]!, string.Concat(choices.Select(choice => (string)choice["text"]!)));
        foreach (string list in (string[])["tokens", "token_logprobs", "top_logprobs", "text_offset"])
        {
            Assert.Equal(
                whole["choices"]![0]!["logprobs"]![list]!.AsArray().Select(item => item?.ToJsonString()),
                choices.SelectMany(choice => choice["logprobs"]![list]!.AsArray().Select(item => item?.ToJsonString())));
        }
    }

    [Fact]
    public async Task A_stream_tells_how_much_of_the_prompts_has_been_read()
    {
        string prompt = string.Concat(Enumerable.Repeat("Ada keeps a green kite. ", 60));
        int tokens = served.Model.Encode(prompt).Length;
        Assert.InRange(tokens, 513, 1000);
        string request = $$"""{"prompt":["{{prompt}}","x"],"max_tokens":4,"temperature":0,"stream":true,"return_progress":""";
        JsonObject[] told = await StreamAsync(request + "true}"), silent = await StreamAsync(request + "false}");
        JsonNode[] progress = [.. told.Select(chunk => chunk["prompt_progress"]).OfType<JsonNode>()];
        int total = tokens + served.Model.Encode("x").Length;
        Assert.All(progress, one => Assert.Equal(total, (int)one["total"]!));
        int[] read = [.. progress.Select(one => (int)one["processed"]!)];
        Assert.Equal(((tokens + 255) / 256) + 1, read.Length); // a page of 256 tokens at a time, and the other text
        Assert.Equal(read.Distinct().Order(), read);
        Assert.Equal(total, read[^1]);
        Assert.All(progress, one => Assert.Equal(0, (int)one["cache"]!)); // nothing of it was read before
        Assert.DoesNotContain(silent, chunk => chunk.ContainsKey("prompt_progress"));
        static string Text(JsonObject[] chunks) => string.Concat(chunks.SelectMany(chunk => chunk["choices"]!.AsArray())
            .OrderBy(choice => (int)choice!["index"]!).Select(choice => (string)choice!["text"]!));
        Assert.Equal(Text(silent), Text(told));
    }

    [Theory]
    [InlineData("""{"prompt":""}""", 200, "")] // BOS alone
    [InlineData("""{}""", 400, "'prompt' is missing")]
    [InlineData("""{"prompt":[]}""", 400, "'prompt'")]
    [InlineData("""{"prompt":[[]]}""", 400, "'prompt' is empty")]
    [InlineData("""{"prompt":[1,"x"]}""", 400, "'prompt' has to be")]
    [InlineData("""{"prompt":{"x":1}}""", 400, "'prompt' has to be")]
    [InlineData("""{"prompt":[5,100000]}""", 400, "id 100000")]
    [InlineData("""{"prompt":"x","temperature":"hot"}""", 400, "'temperature' has to be a number")]
    [InlineData("""{"prompt":"x","temperature":-1}""", 400, "temperature is -1")]
    [InlineData("""{"prompt":"x","top_p":7}""", 400, "top_p is 7")]
    [InlineData("""{"prompt":"x","n":0}""", 400, "'n'")]
    [InlineData("""{"prompt":"x","n":100000}""", 400, "'n'")]
    [InlineData("""{"prompt":"x","max_tokens":-1}""", 400, "'max_tokens'")]
    [InlineData("""{"prompt":"x","max_tokens":5000}""", 400, "1024 tokens")]
    [InlineData("""{"prompt":"x","stop":""}""", 400, "stop")]
    [InlineData("""{"prompt":"x","stop":7}""", 400, "'stop'")]
    [InlineData("""{"prompt":"x","logprobs":-1}""", 400, "'logprobs'")]
    [InlineData("""{"prompt":"x","logit_bias":{"a":1}}""", 400, "'logit_bias'")]
    [InlineData("""{"prompt":"x","logit_bias":{"99999":1}}""", 400, "99999")]
    [InlineData("""{"prompt":"x","suffix":"y"}""", 400, "'suffix' is not supported")]
    [InlineData("""{"prompt":"x","best_of":3}""", 400, "'best_of' is not supported")]
    [InlineData("""{"prompt":"x","prompt":"y"}""", 400, "")]
    [InlineData("""{"prompt":"x","model":"other"}""", 404, "tiny")]
    [InlineData("""{"prompt":"\ud83d"}""", 400, "not valid")] // half of a character
    [InlineData("""{"prompt":"x","logit_bias":{"1":1,"1":2}}""", 400, "not JSON")]
    [InlineData("""[1]""", 400, "not a JSON object")]
    [InlineData("""{"prompt":""", 400, "not JSON")]
    public async Task A_wrong_request_is_told_what_is_wrong(string json, int expected, string words)
    {
        (int status, JsonObject body) = await served.PostAsync("/v1/completions", json);
        Assert.Equal(expected, status);
        if (expected != 200)
        {
            Assert.Contains(words, (string)body["error"]!["message"]!, StringComparison.Ordinal);
            Assert.Equal("invalid_request_error", (string)body["error"]!["type"]!);
        }
    }

    [Fact]
    public async Task Texts_become_tokens_and_tokens_texts()
    {
        (_, JsonObject with) = await served.PostAsync("/tokenize", $$"""{"prompt":"{{Prompt}}"}""");
        (_, JsonObject without) = await served.PostAsync("/tokenize", $$"""{"prompt":"{{Prompt}}","add_special_tokens":false}""");
        (_, JsonObject chat) = await served.PostAsync("/tokenize", $$"""{"messages":[{"role":"user","content":"{{Prompt}}"}]}""");
        int[] Ids(JsonObject body) => [.. body["tokens"]!.AsArray().Select(id => (int)id!)];
        Assert.Equal(served.Model.Encode(Prompt), Ids(with));
        Assert.Equal(served.Model.Tokenizer.Encode(Prompt), Ids(without));
        Assert.Equal(Ids(with), Ids(chat));
        Assert.Equal(1024, (int)with["max_model_len"]!);
        (_, JsonObject back) = await served.PostAsync("/detokenize", without.ToJsonString());
        Assert.Equal(Prompt, (string)back["prompt"]!);
        string info = await served.Http.GetStringAsync(new Uri("/tokenizer_info", UriKind.Relative));
        Assert.Equal("<|end|>", (string)JsonNode.Parse(info)!["eos_token"]!);
    }

    /// <summary>Posts JSON, and reads the events of the answer, but for the last.</summary>
    private async Task<JsonObject[]> StreamAsync(string json)
    {
        using var content = new StringContent(json, System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await served.Http.PostAsync(new Uri("/v1/completions", UriKind.Relative), content);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        string[] events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, line => Assert.StartsWith("data: ", line, StringComparison.Ordinal));
        Assert.Equal("data: [DONE]", events[^1]);
        return [.. events[..^1].Select(line => JsonNode.Parse(line["data: ".Length..])!.AsObject())];
    }
}
