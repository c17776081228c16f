using System.Runtime.CompilerServices;
using Microsoft.Extensions.AI;
using Skipwise.Inference;

namespace Skipwise.Serving;

/// <summary>A model of this process as a chat client of Microsoft.Extensions.AI. It serves many callers at the same time.</summary>
/// <remarks>
/// Of <see cref="ChatOptions"/> it takes Instructions, Temperature, TopP, TopK, MaxOutputTokens, StopSequences, Seed, FrequencyPenalty and
/// PresencePenalty. What they leave out is decided by <see cref="GenerationOptions"/>, which RawRepresentationFactory may return: greedy,
/// and as many tokens as the window leaves. Functions are described to the model if its chat template knows tools, and an answer that calls
/// one is returned as the model's text. Refused are messages with other parts than text, a response format other than text, and tools that
/// have to be called.
/// </remarks>
/// <example>
/// <code>
/// using Microsoft.Extensions.AI;
/// using Skipwise.Recipes;
///
/// using IChatClient client = LoadChatClient.Run(new() { Model = "qwen-128k" });
/// await foreach (ChatResponseUpdate update in client.GetStreamingResponseAsync("What did the river do?"))
/// {
///     Console.Write(update.Text);
/// }
/// </code>
/// </example>
public sealed class SkipwiseChatClient : IChatClient
{
    private readonly TextModel _model;
    private readonly bool _ownsModel;
    private readonly ChatClientMetadata _metadata;

    /// <summary>A client of a loaded model.</summary>
    /// <param name="model">stays the caller's, and has to live longer</param>
    public SkipwiseChatClient(TextModel model) : this(model, ownsModel: false)
    {
    }

    /// <param name="ownsModel">it is disposed with the client</param>
    internal SkipwiseChatClient(TextModel model, bool ownsModel)
    {
        ArgumentNullException.ThrowIfNull(model);
        (_model, _ownsModel, _metadata) = (model, ownsModel, new ChatClientMetadata("skipwise", defaultModelId: model.Name));
    }

    /// <summary>The model's answer to a conversation.</summary>
    /// <inheritdoc cref="GetStreamingResponseAsync"/>
    public Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default) =>
        GetStreamingResponseAsync(messages, options, cancellationToken).ToChatResponseAsync(cancellationToken);

    /// <summary>The model's answer to a conversation, each piece as soon as it is generated. The last update has the finish reason and the
    /// usage.</summary>
    /// <param name="messages">with text alone</param>
    /// <param name="options">null: the defaults</param>
    /// <param name="cancellationToken">ends the text</param>
    /// <exception cref="SkipwiseException">a model without a chat template, a conversation that it refuses or that does not fit its window,
    /// or an option that is out of range or not supported</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        TextGeneration text = _model.Generate(ChatRequest.Create(_model, this, messages, options), cancellationToken);
        string id = $"chat-{Guid.NewGuid():n}";
        DateTimeOffset created = TimeProvider.System.GetUtcNow();
        ChatResponseUpdate Update(params AIContent[] contents) => new(ChatRole.Assistant, contents)
        {
            ResponseId = id,
            MessageId = id,
            ModelId = _model.Name,
            CreatedAt = created,
        };
        await foreach (TextDelta delta in text.ReadDeltas().ConfigureAwait(false))
        {
            if (delta.Text.Length > 0)
            {
                yield return Update(new TextContent(delta.Text));
            }
            if (delta.Finish is { } finish)
            {
                ChatResponseUpdate last = Update(new UsageContent(new UsageDetails
                {
                    InputTokenCount = text.PromptTokens,
                    OutputTokenCount = text.NewTokens,
                    TotalTokenCount = text.PromptTokens + text.NewTokens,
                    CachedInputTokenCount = text.CachedTokens,
                }));
                last.FinishReason = finish == FinishReason.Stop ? ChatFinishReason.Stop : ChatFinishReason.Length;
                yield return last;
            }
        }
    }

    /// <summary>This client, its <see cref="TextModel"/>, or its <see cref="ChatClientMetadata"/>.</summary>
    /// <param name="serviceType">type of what is asked for</param>
    /// <param name="serviceKey">there are none</param>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType.IsInstanceOfType(_model) ? _model
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Frees the model if this client loaded it.</summary>
    public void Dispose()
    {
        if (_ownsModel)
        {
            _model.Dispose();
        }
    }
}
