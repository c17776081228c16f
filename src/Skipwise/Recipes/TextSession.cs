using System.Text.Json.Nodes;
using Skipwise.Serving;

namespace Skipwise.Recipes;

/// <summary>A loaded model that continues texts, or answers in a conversation. It generates one text at a time.</summary>
internal sealed class TextSession : IDisposable
{
    private const long AnyMemory = 1L << 50;

    private readonly TextModel _model;
    private readonly GenerateTextOptions _options;
    private readonly List<JsonObject> _messages = [];

    private TextSession(TextModel model, GenerateTextOptions options)
    {
        (_model, _options) = (model, options);
        if (options.System is { } system)
        {
            _messages.Add(Message("system", system));
        }
    }

    /// <summary>Loads the model. The prompt of the options is not used.</summary>
    /// <exception cref="SkipwiseException">a model that cannot be read, or an impossible setting</exception>
    public static TextSession Load(GenerateTextOptions options, IProgress<string>? note = null)
    {
        Require(options);
        TextModel model = LoadTextModel.Run(new TextModelOptions
        {
            Model = options.Model,
            Rope = options.Rope,
            Compute = options.Compute,
            Adapter = options.Adapter,
            QuantizationBits = options.QuantizationBits,
            Engine = new() { MaxBatchSize = 1, CacheBytes = AnyMemory, CacheType = options.CacheType }, // the text takes what it needs
        }, note);
        return new TextSession(model, options);
    }

    /// <summary>Throws one error that names what is impossible in the options.</summary>
    public static void Require(GenerateTextOptions options)
    {
        OptionCheck.Require("Generation", options);
        if (options is { System: not null, Chat: false })
        {
            throw new SkipwiseException($"{OptionName.Of(nameof(GenerateTextOptions.System))} is the system message of a conversation: " +
                $"it needs {OptionName.Of(nameof(GenerateTextOptions.Chat))}.");
        }
    }

    /// <summary>Begins to continue a text, or to answer it. Prompt and answer then belong to the conversation.</summary>
    /// <param name="reading">receives the number of the prompt's tokens that were read</param>
    /// <param name="cancel">ends the text</param>
    /// <exception cref="SkipwiseException">an empty prompt, or a model without a chat template that is to answer</exception>
    public MeasuredText Begin(string prompt, IProgress<int>? reading = null, CancellationToken cancel = default)
    {
        if (_options.Chat)
        {
            _messages.Add(Message("user", prompt));
        }
        var request = new TextRequest
        {
            Prompt = _options.Chat ? _model.EncodeChat(_messages) : _model.Encode(prompt),
            Options = _options.Generation,
            StopTexts = _options.StopTexts,
            PromptProgress = reading,
        };
        return new MeasuredText(() => _model.Generate(request, cancel), request.Prompt.Count,
            text => _messages.Add(Message("assistant", text)));
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => _model.Dispose();

    private static JsonObject Message(string role, string content) => new() { ["role"] = role, ["content"] = content };
}
