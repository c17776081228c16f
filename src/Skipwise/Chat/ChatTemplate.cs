using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Chat.Jinja;
using Skipwise.Hub;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Chat;

/// <summary>
/// The chat template of a model: the program in Jinja by which a conversation becomes the text that the model was trained on. Rendering
/// follows transformers' apply_chat_template to the character. Thread-safe.
/// </summary>
/// <remarks>
/// Supported is what jinja2 has within one template, with transformers' additions (break and continue, generation, tojson,
/// raise_exception, strftime_now). What is not (include, import, extends, block, recursive loops, and a few filters: groupby, truncate,
/// wordwrap, urlize, ...) is refused with its line. A rendering ends after a bounded number of steps and in bounded memory, whatever the
/// template does.
/// </remarks>
/// <example>
/// <code>
/// using System.Text.Json.Nodes;
/// using Skipwise.Tokenizers;
///
/// ChatTemplate? template = ChatTemplate.Load("Qwen3-0.6B");
/// string prompt = template!.Render([new JsonObject { ["role"] = "user", ["content"] = "Who wrote it?" }]);
/// int[] ids = TokenizerLoader.Load("Qwen3-0.6B").Encode(prompt);
/// </code>
/// </example>
public sealed class ChatTemplate
{
    private const string ToolUse = "tool_use", Probe = "is this shown?";

    private readonly string _place;
    private readonly Dictionary<string, Lazy<IReadOnlyList<Statement>>> _templates = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<(string Name, string Text)> _tokens;
    private readonly Lazy<bool> _takesParts;

    private ChatTemplate(
        string place, IReadOnlyList<(string Name, string Text)> templates, IReadOnlyList<(string Name, string Text)> tokens)
    {
        (_place, _tokens) = (place, tokens);
        Text = templates.FirstOrDefault(template => template.Name == ChatTemplateFiles.Default).Text;
        foreach ((string name, string text) in templates)
        {
            _templates[name] = new(() => Parsed(text));
        }
        _takesParts = new(TakesParts);
    }

    /// <summary>The default template, in Jinja; null if the model has only others.</summary>
    public string? Text { get; }

    /// <summary>The names of the templates; most models have "default" alone.</summary>
    public IReadOnlyCollection<string> Names => _templates.Keys;

    /// <summary>
    /// Loads the template of a model: chat_template.jinja (with the files in additional_chat_templates), else chat_template in
    /// tokenizer_config.json, else in chat_template.json; of a GGUF file tokenizer.chat_template. The special tokens that it may name
    /// (bos_token, eos_token, ...) are those of the tokenizer's files.
    /// </summary>
    /// <param name="model">a model folder, a GGUF file, or the name of a model in the cache of the Hugging Face hub</param>
    /// <returns>null if the model has none</returns>
    /// <exception cref="SkipwiseException">a file cannot be read, or the template that is used by default is not Jinja or uses what is
    /// not supported</exception>
    public static ChatTemplate? Load(string model)
    {
        IReadOnlyList<(string Name, string Text)> templates = ChatTemplateFiles.Read(model);
        if (templates.Count == 0)
        {
            return null;
        }
        model = ModelFolder.Resolve(model);
        IReadOnlyList<(string, string)> tokens = GgufStart.IsAt(model) ? TokensOf(GgufVocabulary.Read(GgufKeys.Read(model)))
            : [.. new TokenizerSettings(ChatTemplateFiles.FolderOf(model)).TokensByRole];
        var template = new ChatTemplate(model, templates, tokens);
        _ = template._templates.GetValueOrDefault(ChatTemplateFiles.Default)?.Value;
        return template;
    }

    /// <summary>Parses a template.</summary>
    /// <param name="text">in Jinja</param>
    /// <param name="specialTokens">texts by name, such as bos_token and eos_token</param>
    /// <param name="place">where it is from, for errors</param>
    /// <exception cref="SkipwiseException">the template is not Jinja, or uses what is not supported</exception>
    public static ChatTemplate Parse(
        string text, IReadOnlyDictionary<string, string>? specialTokens = null, string place = "the given template")
    {
        IReadOnlyList<(string, string)> tokens = specialTokens is null ? [] : [.. specialTokens.Select(token => (token.Key, token.Value))];
        var template = new ChatTemplate(place, [(ChatTemplateFiles.Default, text)], tokens);
        _ = template._templates[ChatTemplateFiles.Default].Value;
        return template;
    }

    /// <summary>
    /// Makes the text of a conversation. It contains the special tokens that the model expects, BOS among them, so it is encoded as it
    /// is: <see cref="ITokenizer.Encode"/> recognizes special tokens and adds none, like transformers with add_special_tokens=False.
    /// </summary>
    /// <remarks>
    /// As in transformers, nothing in a message is escaped: a user who writes &lt;|im_end|&gt; writes the end of the turn. A program that
    /// shows the model text of others and relies on the turns must remove such texts before.
    /// </remarks>
    /// <param name="messages">
    /// Each with a role and its content, and whatever else the client sent (tool_calls, name, reasoning_content, ...), which the template
    /// sees too. The content is a text, or a list of parts { "type": "text", "text": ... }. A template that was not written for parts
    /// gets their texts as one, with line ends between them.
    /// </param>
    /// <param name="options">null: the defaults</param>
    /// <exception cref="SkipwiseException">the template refuses the conversation (some demand that user and assistant alternate), there is
    /// no template of the name, a part is no text, or the template is broken; names the line</exception>
    public string Render(IReadOnlyList<JsonObject> messages, ChatTemplateOptions? options = null)
    {
        options ??= new ChatTemplateOptions();
        bool hasParts = messages.Any(message => message["content"] is JsonArray);
        return Run(Choose(options), hasParts && !_takesParts.Value ? [.. messages.Select(Flattened)] : messages, options);
    }

    private IReadOnlyList<Statement> Choose(ChatTemplateOptions options)
    {
        string name = options.Name ?? (options.Tools is not null && _templates.ContainsKey(ToolUse) ? ToolUse : ChatTemplateFiles.Default);
        return _templates.TryGetValue(name, out Lazy<IReadOnlyList<Statement>>? template) ? template.Value
            : throw new SkipwiseException(
                $"{_place}: has no chat template named '{name}'; set {OptionName.Of(nameof(ChatTemplateOptions.Name))} to one of: "
                + string.Join(", ", Names));
    }

    private string Run(IReadOnlyList<Statement> template, IReadOnlyList<JsonObject> messages, ChatTemplateOptions options)
    {
        var rendering = new Rendering(options.Clock);
        try
        {
            JsonNode?[] tools = [.. options.Tools ?? []];
            return new Evaluator(rendering).Run(template,
            [
                .. _tokens.Select(token => (token.Name, (object?)token.Text)),
                ("messages", rendering.List(messages.Select(message => JsonValues.Read(rendering, message)))),
                ("tools", options.Tools is null ? null : rendering.List(tools.Select(tool => JsonValues.Read(rendering, tool)))),
                ("documents", null),
                ("add_generation_prompt", options.AddGenerationPrompt),
                .. options.Variables.Select(variable => (variable.Key, JsonValues.Read(rendering, variable.Value))),
            ]);
        }
        catch (TemplateFault fault)
        {
            throw fault.IsRaised
                ? new SkipwiseException($"{_place}: the chat template refuses this conversation: {fault.Message}", fault)
                : Located(fault);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new SkipwiseException($"A message or a tool is not JSON that can be read: {e.Message}", e);
        }
    }

    private IReadOnlyList<Statement> Parsed(string text)
    {
        try
        {
            return Parser.Parse(text);
        }
        catch (TemplateFault fault)
        {
            throw Located(fault);
        }
    }

    private SkipwiseException Located(TemplateFault fault) => new(
        $"{_place}: the chat template, line {fault.Line}: {fault.Message}. Put one that transformers renders into chat_template.jinja",
        fault);

    /// <summary>Whether the template shows the text of a part, and not the part itself.</summary>
    private bool TakesParts()
    {
        var message = new JsonObject
        {
            ["role"] = "user",
            ["content"] = new JsonArray(new JsonObject { ["type"] = "text", ["text"] = Probe }),
        };
        try
        {
            string shown = Run(Choose(new ChatTemplateOptions()), [message], new ChatTemplateOptions());
            return shown.Contains(Probe, StringComparison.Ordinal) && !shown.Contains($"'{Probe}'", StringComparison.Ordinal);
        }
        catch (SkipwiseException)
        {
            return false; // it adds the content to a text
        }
    }

    private static JsonObject Flattened(JsonObject message, int number)
    {
        if (message["content"] is not JsonArray parts)
        {
            return message;
        }
        IEnumerable<string> texts = parts.Select(part =>
            part is JsonObject one && one["text"] is JsonValue value && value.TryGetValue(out string? text) ? text
            : throw new SkipwiseException(
                $"Message {number + 1} has a part of the type {(part as JsonObject)?["type"]?.ToJsonString() ?? "null"}, and the model's "
                + "chat template takes text alone; leave the part out"));
        JsonObject flat = message.DeepClone().AsObject();
        flat["content"] = string.Join('\n', texts);
        return flat;
    }

    private static IReadOnlyList<(string Name, string Text)> TokensOf(TokenizerModel tokenizer)
    {
        (string, int?)[] ids =
        [
            ("bos_token", tokenizer.BosId), ("eos_token", tokenizer.EosId), ("unk_token", tokenizer.UnknownId),
            ("pad_token", tokenizer.PadId),
        ];
        return [.. ids.Where(token => token.Item2 is not null).Select(token => (token.Item1, tokenizer.Pieces[token.Item2!.Value].Text))];
    }
}
