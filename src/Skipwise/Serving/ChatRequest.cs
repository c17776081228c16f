using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Skipwise.Inference;

namespace Skipwise.Serving;

/// <summary>A conversation and options of Microsoft.Extensions.AI as a request of ours.</summary>
internal static class ChatRequest
{
    /// <exception cref="SkipwiseException">what is asked for is not supported, or the conversation does not fit the window</exception>
    public static TextRequest Create(TextModel model, IChatClient client, IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        options ??= new ChatOptions();
        Refuse(model, options);
        IEnumerable<JsonObject> instructions = options.Instructions is { } text ? [Message("system", text)] : [];
        int[] prompt = model.EncodeChat([.. instructions, .. messages.Select(MessageOf)], new() { Tools = Tools(options) });
        int room = model.ContextLength - prompt.Length;
        if (room < 1)
        {
            throw new SkipwiseException($"{model.Name}: the conversation has {prompt.Length} tokens, and the window of " +
                $"{model.ContextLength} leaves none for an answer. Shorten the conversation.");
        }
        return new TextRequest
        {
            Prompt = prompt,
            StopTexts = [.. options.StopSequences ?? []],
            Options = Generation(options, client, room),
        };
    }

    private static GenerationOptions Generation(ChatOptions options, IChatClient client, int room)
    {
        GenerationOptions given = options.RawRepresentationFactory?.Invoke(client) as GenerationOptions
            ?? new GenerationOptions { MaxNewTokens = room };
        return given with
        {
            MaxNewTokens = Math.Min(options.MaxOutputTokens ?? given.MaxNewTokens, room),
            Temperature = Exact(options.Temperature) ?? given.Temperature,
            TopP = Exact(options.TopP) ?? given.TopP,
            TopK = options.TopK ?? given.TopK,
            FrequencyPenalty = Exact(options.FrequencyPenalty) ?? given.FrequencyPenalty,
            PresencePenalty = Exact(options.PresencePenalty) ?? given.PresencePenalty,
            Seed = unchecked((ulong?)options.Seed) ?? given.Seed,
        };
    }

    private static void Refuse(TextModel model, ChatOptions options)
    {
        if (options.ResponseFormat is not (null or ChatResponseFormatText))
        {
            throw new SkipwiseException($"{model.Name}: the only response format is text. Leave ChatOptions.ResponseFormat out, and say " +
                "in a message which format the answer is to have.");
        }
        if (options.ToolMode is RequiredChatToolMode)
        {
            throw new SkipwiseException($"{model.Name}: whether an answer calls a tool is the model's choice. Leave ChatOptions.ToolMode " +
                "out.");
        }
        if (options.ConversationId is not null)
        {
            throw new SkipwiseException($"{model.Name}: conversations are not stored. Leave ChatOptions.ConversationId out, and send all " +
                "messages.");
        }
        if (options.ModelId is { } other && other != model.Name)
        {
            throw new SkipwiseException($"{model.Name}: this client has no model '{other}'. Leave ChatOptions.ModelId out.");
        }
    }

    private static JsonObject MessageOf(ChatMessage message, int index)
    {
        if (message.Contents.FirstOrDefault(content => content is not TextContent) is { } other)
        {
            throw new SkipwiseException($"Message {index + 1} has a part of the type {other.GetType().Name}, and the model reads text " +
                "alone. Leave the part out.");
        }
        return Message(message.Role.Value, string.Concat(message.Contents.OfType<TextContent>().Select(part => part.Text)));
    }

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };

    /// <summary>As OpenAI's API describes functions, which is what chat templates expect.</summary>
    private static IReadOnlyList<JsonObject>? Tools(ChatOptions options) =>
        options.Tools is not { Count: > 0 } tools || options.ToolMode is NoneChatToolMode ? null
        : [.. tools.Select(tool => tool is AIFunctionDeclaration function ? new JsonObject
        {
            ["type"] = "function",
            ["function"] = new JsonObject
            {
                ["name"] = function.Name,
                ["description"] = function.Description,
                ["parameters"] = JsonNode.Parse(function.JsonSchema.GetRawText()),
            },
        } : throw new SkipwiseException($"The tool {tool.Name} is no function, and only functions can be described to a model. " +
            "Leave it out."))];

    /// <summary>0.1f is 0.1.</summary>
    private static double? Exact(float? number) => number is { } given ? double.Parse(
        given.ToString(System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture) : null;
}
