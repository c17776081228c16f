using Microsoft.Extensions.AI;
using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Serving;
using Skipwise.Tests.Server;

namespace Skipwise.Tests.Serving;

/// <summary>The shipped model as a client of Microsoft.Extensions.AI, against its own text. Its template joins the messages.</summary>
public sealed class ChatClientTests(ServedTinyModel served) : IClassFixture<ServedTinyModel>
{
    private const string Question = "The keeper of the lighthouse went";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_answer_is_the_text_of_the_model()
    {
        using IChatClient client = new SkipwiseChatClient(served.Model);
        ChatResponse answer = await client.GetResponseAsync(Question, new() { MaxOutputTokens = 20 }, Cancel);
        Assert.Equal(await Expected(Question, new() { MaxNewTokens = 20 }), answer.Text);
        Assert.Equal((ChatFinishReason.Length, ServedTinyModel.Name), (answer.FinishReason!.Value, answer.ModelId));
        int prompt = served.Model.Encode(Question).Length;
        Assert.Equal((prompt, 20L, prompt + 20L),
            (answer.Usage!.InputTokenCount, answer.Usage.OutputTokenCount!.Value, answer.Usage.TotalTokenCount!.Value));
        Assert.Equal(ChatRole.Assistant, Assert.Single(answer.Messages).Role);
    }

    [Fact]
    public async Task A_stream_is_the_same_text_in_pieces()
    {
        using var client = new SkipwiseChatClient(served.Model);
        List<ChatResponseUpdate> updates =
            await client.GetStreamingResponseAsync([new(ChatRole.User, Question)], new() { MaxOutputTokens = 20 }, Cancel)
                .ToListAsync(Cancel);
        Assert.Equal(await Expected(Question, new() { MaxNewTokens = 20 }), string.Concat(updates.Select(update => update.Text)));
        Assert.True(updates.Count > 10);
        Assert.All(updates.SkipLast(1), update => Assert.Null(update.FinishReason));
        Assert.Equal(20, Assert.Single(updates[^1].Contents.OfType<UsageContent>()).Details.OutputTokenCount);
    }

    [Fact]
    public async Task Options_decide_what_is_sampled()
    {
        using var client = new SkipwiseChatClient(served.Model);
        ChatOptions options = new()
        {
            MaxOutputTokens = 30,
            Temperature = 0.9f,
            TopP = 0.8f,
            TopK = 40,
            Seed = 11,
            FrequencyPenalty = 0.3f,
            PresencePenalty = 0.2f,
        };
        string expected = await Expected(Question, new()
        {
            MaxNewTokens = 30,
            Temperature = 0.9,
            TopP = 0.8,
            TopK = 40,
            Seed = 11,
            FrequencyPenalty = 0.3,
            PresencePenalty = 0.2,
        });
        Assert.Equal(expected, (await client.GetResponseAsync(Question, options, Cancel)).Text);
        Assert.NotEqual(await Expected(Question, new() { MaxNewTokens = 30 }), expected);
        ChatOptions raw = new() { RawRepresentationFactory = _ => new GenerationOptions { MaxNewTokens = 25, RepetitionPenalty = 1.5 } };
        Assert.Equal(await Expected(Question, new() { MaxNewTokens = 25, RepetitionPenalty = 1.5 }),
            (await client.GetResponseAsync(Question, raw, Cancel)).Text);
    }

    [Fact]
    public async Task Messages_and_instructions_are_rendered_and_a_stop_text_ends_the_answer()
    {
        using var client = new SkipwiseChatClient(served.Model);
        string whole = await Expected("Once. " + Question, new() { MaxNewTokens = 40 });
        ChatResponse answer = await client.GetResponseAsync(
            [new(ChatRole.User, [new TextContent("The keeper of "), new TextContent("the lighthouse went")])],
            new() { Instructions = "Once. ", MaxOutputTokens = 40, StopSequences = [whole.Substring(9, 4)] }, Cancel);
        Assert.Equal(whole[..whole.IndexOf(whole.Substring(9, 4), StringComparison.Ordinal)], answer.Text);
        Assert.Equal(ChatFinishReason.Stop, answer.FinishReason);
    }

    [Fact]
    public async Task Without_a_number_the_answer_may_fill_the_window_and_no_more()
    {
        using var client = new SkipwiseChatClient(served.Model);
        string longest = string.Concat(Enumerable.Repeat("one two three. ", 300));
        string prompt = longest[..^(longest.Length - 900)];
        while (served.Model.Encode(prompt + "one two ").Length < served.Model.ContextLength - 3)
        {
            prompt += "one two ";
        }
        ChatResponse answer = await client.GetResponseAsync(prompt, new() { MaxOutputTokens = 500 }, Cancel);
        Assert.InRange(answer.Usage!.TotalTokenCount!.Value, 1, served.Model.ContextLength);
        SkipwiseException error = await Assert.ThrowsAsync<SkipwiseException>(
            () => client.GetResponseAsync(longest + longest, cancellationToken: Cancel));
        Assert.Contains($"the window of {served.Model.ContextLength}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_supported_is_refused()
    {
        using var client = new SkipwiseChatClient(served.Model);
        async Task Refused(string hint, ChatOptions? options, params AIContent[] parts)
        {
            SkipwiseException error = await Assert.ThrowsAsync<SkipwiseException>(
                () => client.GetResponseAsync([new(ChatRole.User, [new TextContent("one"), .. parts])], options, Cancel));
            Assert.Contains(hint, error.Message, StringComparison.Ordinal);
        }
        await Refused("ResponseFormat", new() { ResponseFormat = ChatResponseFormat.Json });
        await Refused("ToolMode", new() { ToolMode = ChatToolMode.RequireAny });
        await Refused("ConversationId", new() { ConversationId = "7" });
        await Refused("'gpt'", new() { ModelId = "gpt" });
        await Refused("Temperature", new() { Temperature = -1 });
        await Refused("UriContent", null, new UriContent("http://localhost/cat.png", "image/png"));
    }

    [Fact]
    public async Task A_reader_that_leaves_or_cancels_frees_the_model()
    {
        using var client = new SkipwiseChatClient(served.Model);
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync(Question, cancellationToken: source.Token))
            {
                await source.CancelAsync();
            }
        });
        await foreach (ChatResponseUpdate _ in client.GetStreamingResponseAsync(Question, cancellationToken: Cancel))
        {
            break;
        }
        await served.WhenIdleAsync();
    }

    [Fact]
    public void It_tells_what_it_is()
    {
        var client = new SkipwiseChatClient(served.Model);
        Assert.Equal(("skipwise", ServedTinyModel.Name),
            (client.GetService<ChatClientMetadata>()!.ProviderName, client.GetService<ChatClientMetadata>()!.DefaultModelId));
        Assert.Same(served.Model, client.GetService<TextModel>());
        Assert.Same(client, client.GetService<IChatClient>());
        Assert.Null(client.GetService<string>());
        client.Dispose();
        Assert.NotEmpty(served.Model.Encode(Question)); // the model stays its owner's
    }

    [Fact]
    public async Task A_model_loads_as_a_client_in_one_line()
    {
        string shipped = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");
        Assert.Contains("chat_template.jinja",
            Assert.Throws<SkipwiseException>(() => LoadChatClient.Run(new() { Model = shipped })).Message, StringComparison.Ordinal);
        using var folder = new TempFolder();
        string model = folder.Copy(shipped, "chat");
        folder.Write("chat/chat_template.jinja", "{% for message in messages %}{{ message.content }}{% endfor %}");
        using IChatClient client = LoadChatClient.Run(new() { Model = model });
        Assert.Equal("chat", (await client.GetResponseAsync("The keeper", new() { MaxOutputTokens = 3 }, Cancel)).ModelId);
    }

    private async Task<string> Expected(string prompt, GenerationOptions options)
    {
        (string text, _) = await served.Model.Generate(new() { Prompt = served.Model.Encode(prompt), Options = options }).ReadAsync();
        return text;
    }
}
