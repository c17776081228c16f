using System.Text.Json.Nodes;
using Skipwise.Chat;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Tokenizers;

namespace Skipwise.Serving;

/// <summary>A model that continues texts: an <see cref="InferenceEngine"/> with the model's tokenizer. It serves many callers at the same
/// time.</summary>
public sealed class TextModel : IDisposable
{
    private readonly IDisposable _weights;

    /// <param name="name">that callers know it by</param>
    /// <param name="model">the network</param>
    /// <param name="tokenizer">of the model's folder</param>
    /// <param name="template">null: the model takes no conversations</param>
    /// <param name="weights">disposed with this: what owns the model</param>
    /// <param name="options">limits of the engine</param>
    /// <param name="prefixes">null: kept beginnings of prompts end with this</param>
    internal TextModel(string name, CausalLM model, ITokenizer tokenizer, ChatTemplate? template, IDisposable weights,
        EngineOptions? options = null, IPrefixStore? prefixes = null)
    {
        (Name, Network, Tokenizer, Template, _weights) = (name, model, tokenizer, template, weights);
        Engine = new InferenceEngine(model, options, prefixes);
    }

    /// <summary>that callers know it by</summary>
    public string Name { get; }

    /// <summary>the tokenizer of the model's folder</summary>
    public ITokenizer Tokenizer { get; }

    /// <summary>makes a conversation a text; null: the model has none, and only continues texts</summary>
    public ChatTemplate? Template { get; }

    /// <summary>what computes its texts</summary>
    public InferenceEngine Engine { get; }

    /// <summary>tokens that prompt and continuation may have together: the model's window, or less if memory for keys and values is
    /// short</summary>
    public int ContextLength => Math.Min(Network.Config.MaxPositionEmbeddings, Engine.MaxTextLength);

    /// <summary>the network</summary>
    public CausalLM Network { get; }

    /// <summary>Token ids of a text to be continued; BOS is added if the tokenizer's settings say so.</summary>
    public int[] Encode(string text)
    {
        int[] content = Tokenizer.Encode(text);
        return Tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. content] : content;
    }

    /// <summary>Token ids of a conversation, for the model's answer.</summary>
    /// <inheritdoc cref="ChatTemplate.Render"/>
    /// <exception cref="SkipwiseException">also if the model has no chat template</exception>
    public int[] EncodeChat(IReadOnlyList<JsonObject> messages, ChatTemplateOptions? options = null) => Template is { } template
        ? Tokenizer.Encode(template.Render(messages, options))
        : throw new SkipwiseException(
            $"{Name}: the model has no chat template: it continues texts. Put a chat_template.jinja into its folder, or give it a text.");

    /// <summary>Hands in a request, unless too many wait.</summary>
    /// <param name="cancel">ends the text</param>
    /// <returns>null: as many requests wait as <see cref="EngineOptions.MaxQueueLength"/> allows</returns>
    /// <exception cref="SkipwiseException">an impossible setting, an empty prompt, or a text too long for the memory</exception>
    public TextGeneration? TryGenerate(TextRequest request, CancellationToken cancel = default)
    {
        if (request.StopTexts.Any(string.IsNullOrEmpty))
        {
            throw new SkipwiseException($"{OptionName.Of(nameof(TextRequest.StopTexts))} has an empty text, which would end every text.");
        }
        GenerationOptions options = request.Options.StopTokens.Count > 0 ? request.Options
            : request.Options with { StopTokens = Tokenizer.EndIds };
        Generation? generation = Engine.TrySubmit(new GenerationRequest
        {
            Prompt = request.Prompt,
            Options = options,
            Index = request.Index,
            TopLogProbabilities = request.TopLogProbabilities,
            ScoresPrompt = request.ScoresPrompt,
            FindsSources = request.FindsSources,
            PromptProgress = request.PromptProgress,
        }, cancel);
        return generation is null ? null : new TextGeneration(generation, Tokenizer, request);
    }

    /// <summary>Hands in a request.</summary>
    /// <exception cref="SkipwiseException">also if too many requests wait</exception>
    /// <inheritdoc cref="TryGenerate"/>
    public TextGeneration Generate(TextRequest request, CancellationToken cancel = default) =>
        TryGenerate(request, cancel) ?? throw Engine.QueueIsFull();

    /// <summary>Ends all texts and frees the weights.</summary>
    public void Dispose()
    {
        try
        {
            Engine.Dispose();
        }
        finally
        {
            _weights.Dispose();
        }
    }
}
