using System.ClientModel;
using Microsoft.Extensions.AI;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;
using Skipwise.Serving;
using ChatFinishReason = OpenAI.Chat.ChatFinishReason;
using ChatMessage = Microsoft.Extensions.AI.ChatMessage;
using ChatResponseFormat = OpenAI.Chat.ChatResponseFormat;

namespace Skipwise.Tests.Server;

/// <summary>The official OpenAI client, and Microsoft.Extensions.AI on top of it, against the server.</summary>
public sealed class OpenAIClientTests(ServedTinyModel served) : IClassFixture<ServedTinyModel>
{
    private const string Question = "The keeper of the lighthouse went";

    private OpenAIClient Client => ClientOf(served);

    private static OpenAIClient ClientOf(ServedTinyModel model) => new(
        new ApiKeyCredential("any"), new OpenAIClientOptions { Endpoint = new Uri(model.Address, "v1") });

    private ChatClient Chat => Client.GetChatClient(ServedTinyModel.Name);

    private static ChatCompletionOptions Greedy(int tokens = 20) => new() { Temperature = 0, MaxOutputTokenCount = tokens };

    [Fact]
    public async Task A_chat_completion_is_the_text_of_the_model()
    {
        ChatCompletion answer = await Chat.CompleteChatAsync([new UserChatMessage(Question)], Greedy(),
            TestContext.Current.CancellationToken);
        Assert.Equal(await Expected(20), answer.Content[0].Text);
        Assert.Equal(ChatFinishReason.Length, answer.FinishReason);
        Assert.Equal(ChatMessageRole.Assistant, answer.Role);
        Assert.Equal((20, served.Model.Encode(Question).Length), (answer.Usage.OutputTokenCount, answer.Usage.InputTokenCount));
        Assert.Equal(ServedTinyModel.Name, answer.Model);
    }

    [Fact]
    public async Task A_stream_is_the_same_text_in_pieces()
    {
        var pieces = new List<string>();
        ChatTokenUsage? usage = null;
        ChatFinishReason? finish = null;
        await foreach (StreamingChatCompletionUpdate update in Chat.CompleteChatStreamingAsync([new UserChatMessage(Question)], Greedy(),
            TestContext.Current.CancellationToken))
        {
            pieces.AddRange(update.ContentUpdate.Select(part => part.Text));
            usage = update.Usage ?? usage;
            finish = update.FinishReason ?? finish;
        }
        Assert.Equal(await Expected(20), string.Concat(pieces));
        Assert.True(pieces.Count > 10);
        Assert.Equal(20, usage!.OutputTokenCount); // the client asks for it
        Assert.Equal(ChatFinishReason.Length, finish);
    }

    [Fact]
    public async Task A_client_that_stops_reading_frees_the_model()
    {
        const int tokens = 60_000; // takes far longer than the client's leaving
        await using var long64k = new ServedTinyModel(new(), new(), factor: 512);
        await long64k.InitializeAsync();
        ChatClient chat = ClientOf(long64k).GetChatClient(ServedTinyModel.Name);
        ChatCompletionOptions options = Greedy(tokens);
        options.LogitBiases[long64k.Model.Tokenizer.EosId!.Value] = -100; // the text does not end by itself
        await foreach (StreamingChatCompletionUpdate _ in chat.CompleteChatStreamingAsync([new UserChatMessage(Question)], options,
            TestContext.Current.CancellationToken))
        {
            break;
        }
        using var cancel = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (StreamingChatCompletionUpdate _ in chat.CompleteChatStreamingAsync(
                [new UserChatMessage(Question)], options, cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });
        await long64k.WhenIdleAsync();
        Assert.InRange(long64k.Model.Engine.Statistics.GeneratedTokens, 2, (2 * tokens) - 1);
    }

    [Fact]
    public async Task Errors_reach_the_client_with_status_and_code()
    {
        async Task<ClientResultException> Refused(Func<Task> call) => await Assert.ThrowsAsync<ClientResultException>(call);
        ClientResultException unknown = await Refused(() => Client.GetChatClient("other").CompleteChatAsync([new UserChatMessage("x")]));
        Assert.Equal(404, unknown.Status);
        Assert.Contains("model_not_found", unknown.Message, StringComparison.Ordinal);
        ClientResultException tooLong = await Refused(() => Chat.CompleteChatAsync(
            [new UserChatMessage(string.Join(' ', Enumerable.Repeat(Question, 300)))], Greedy()));
        Assert.Equal(400, tooLong.Status);
        Assert.Contains("context_length_exceeded", tooLong.Message, StringComparison.Ordinal);
        ClientResultException withoutLimit = await Refused(() => Chat.CompleteChatAsync(
            [new UserChatMessage(string.Join(' ', Enumerable.Repeat(Question, 300)))]));
        Assert.Contains("context_length_exceeded", withoutLimit.Message, StringComparison.Ordinal);
        ClientResultException json = await Refused(() => Chat.CompleteChatAsync([new UserChatMessage("x")],
            new() { ResponseFormat = ChatResponseFormat.CreateJsonObjectFormat() }));
        Assert.Equal(400, json.Status);
        Assert.Contains("response_format", json.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_probabilities_arrive()
    {
        ChatCompletionOptions options = Greedy(5);
        (options.IncludeLogProbabilities, options.TopLogProbabilityCount) = (true, 2);
        ChatCompletion answer = await Chat.CompleteChatAsync([new UserChatMessage(Question)], options,
            TestContext.Current.CancellationToken);
        Assert.Equal(5, answer.ContentTokenLogProbabilities.Count);
        Assert.Equal(answer.Content[0].Text, string.Concat(answer.ContentTokenLogProbabilities.Select(token => token.Token)));
        Assert.All(answer.ContentTokenLogProbabilities, token =>
        {
            Assert.Equal(token.TopLogProbabilities[0].LogProbability, token.LogProbability); // greedy
            Assert.Equal(token.Token, System.Text.Encoding.UTF8.GetString(token.Utf8Bytes!.Value.Span));
            Assert.Equal(2, token.TopLogProbabilities.Count);
        });
    }

    [Fact]
    public async Task Models_are_listed()
    {
        OpenAIModelCollection models = await Client.GetOpenAIModelClient().GetModelsAsync(TestContext.Current.CancellationToken);
        Assert.Equal([ServedTinyModel.Name], models.Select(model => model.Id));
        OpenAIModel model = await Client.GetOpenAIModelClient().GetModelAsync(ServedTinyModel.Name, TestContext.Current.CancellationToken);
        Assert.Equal("skipwise", model.OwnedBy);
    }

    [Fact]
    public async Task A_chat_client_of_Microsoft_Extensions_AI_gets_the_same()
    {
        using IChatClient client = Chat.AsIChatClient();
        var options = new ChatOptions { Temperature = 0, MaxOutputTokens = 20, StopSequences = ["never"], Seed = 4 };
        ChatResponse answer = await client.GetResponseAsync(new ChatMessage(ChatRole.User, Question), options,
            TestContext.Current.CancellationToken);
        Assert.Equal(await Expected(20), answer.Text);
        Assert.Equal(Microsoft.Extensions.AI.ChatFinishReason.Length, answer.FinishReason);
        ChatResponseUpdate[] updates = await client.GetStreamingResponseAsync(new ChatMessage(ChatRole.User, Question), options,
            TestContext.Current.CancellationToken).ToArrayAsync();
        Assert.Equal(answer.Text, string.Concat(updates.Select(update => update.Text)));
    }

    private async Task<string> Expected(int tokens) => (await served.Model.Generate(new TextRequest
    {
        Prompt = served.Model.Encode(Question),
        Options = new() { MaxNewTokens = tokens },
    }).ReadAsync()).Text;
}
