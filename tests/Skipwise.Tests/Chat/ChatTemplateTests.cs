using System.Text.Json.Nodes;
using Skipwise.Chat;
using Skipwise.Checkpoints.Gguf;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Chat;

public sealed class ChatTemplateTests : IDisposable
{
    private const string ChatMl =
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content + '<|im_end|>' }}\n{% endfor %}"
        + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void The_jinja_file_wins_over_the_configuration_and_that_over_the_processors_file()
    {
        Assert.Null(Load());
        _temp.Write("chat_template.json", """{"chat_template": "processor"}""");
        Assert.Equal("processor", Load()!.Render([]));
        _temp.Write("tokenizer_config.json", """{"bos_token": {"content": "<b>"}, "eos_token": "<e>"}""");
        Assert.Equal("processor", Load()!.Render([]));
        _temp.Write("tokenizer_config.json", """
            {"bos_token": {"content": "<b>"}, "eos_token": "<e>", "pad_token": null,
             "chat_template": "{{ bos_token }}{{ eos_token }}{{ pad_token is defined }}{{ tools is none }}"}
            """);
        Assert.Equal("<b><e>FalseTrue", Load()!.Render([]));
        _temp.Write("chat_template.jinja", "file {{ eos_token }}\n");
        Assert.Equal("file <e>", Load()!.Render([]));
        Assert.Equal(["default"], Load()!.Names);
        _temp.Write("additional_chat_templates/rag.jinja", "rag");
        Assert.Equal(["default", "rag"], Load()!.Names);
        Assert.Equal("rag", Load()!.Render([], new() { Name = "rag" }));
        Assert.Equal("file <e>", Load()!.Render([], new() { Tools = [[]] }));
    }

    [Fact]
    public void Of_several_templates_tools_take_their_own()
    {
        _temp.Write("tokenizer_config.json", """
            {"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools | length }} tools"},
             {"name": "broken", "template": "a\n{% include 'b' %}"}]}
            """);
        ChatTemplate template = Load()!;
        Assert.Equal("plain", template.Render([]));
        Assert.Equal("1 tools", template.Render([], new() { Tools = [[]] }));
        Assert.Equal("plain", template.Render([], new() { Tools = [[]], Name = "default" }));
        Refused(() => template.Render([], new() { Name = "rag" }), "named 'rag'", "default, tool_use, broken");
        Refused(() => template.Render([], new() { Name = "broken" }), _temp.Path, "line 2", "{% include %} is not supported");
        _temp.Write("tokenizer_config.json", """{"chat_template": [{"name": "a", "template": "A"}]}""");
        Refused(() => Load()!.Render([]), "named 'default'", "one of: a");
    }

    [Fact]
    public void A_gguf_file_has_its_template_and_tokens_in_itself()
    {
        TinyBpe bytes = TinyBpe.ByteLevel();
        _temp.Write("tokenizer.json", bytes.ByteLevelJson([TinyBpe.Added(bytes.Pieces.Count, "<|end|>")]));
        _temp.Write("tokenizer_config.json", """{"eos_token": "<|end|>"}""");
        ITokenizer tokenizer = TokenizerLoader.Load(_temp.Path);
        using CausalLM model = TinyModel.Create(vocabulary: tokenizer.VocabularySize);
        using PretrainedModel pretrained = PretrainedModel.Create(model);
        GgufExport.Write(pretrained, _temp["m.gguf"], "tiny", GgufType.F32, tokenizer.ToModel(),
            [("default", "{{ messages[0].content }}{{ eos_token }}{{ pad_token is defined }}"), ("rag", "R")], null);
        ChatTemplate template = ChatTemplate.Load(_temp["m.gguf"])!;
        Assert.Equal("Hi<|end|>False", template.Render([Message("user", "Hi")]));
        Assert.Equal("R", template.Render([], new() { Name = "rag" }));
    }

    /// <summary>transformers encodes with add_special_tokens=False: the template has written BOS.</summary>
    [Fact]
    public void Encoded_the_text_has_bos_once_and_special_tokens_of_messages_too()
    {
        TinyBpe llama = TinyBpe.AcrossWords();
        _temp.Write("tokenizer.json", llama.LlamaJson());
        _temp.Write("tokenizer_config.json", """
            {"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true,
             "chat_template": "{{ bos_token }}{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"}
            """);
        ITokenizer tokenizer = TokenizerLoader.Load(_temp.Path);
        Assert.True(tokenizer.AddsBos);
        string text = Load()!.Render([Message("user", "the mill </s> stands"), Message("assistant", "still")]);
        int[] ids = tokenizer.Encode(text);
        Assert.Equal("<s>the mill </s> stands</s>still</s>", text);
        Assert.Equal((1, 3), (ids.Count(id => id == tokenizer.BosId), ids.Count(id => id == tokenizer.EosId)));
        Assert.Equal(tokenizer.BosId, ids[0]);
    }

    /// <summary>Clients send a list of parts where a text would do.</summary>
    [Fact]
    public void A_template_that_wants_a_text_gets_the_parts_as_one()
    {
        JsonObject message = Message("user", Part("one"), Part("two"));
        ChatTemplate plain = ChatTemplate.Parse(ChatMl);
        Assert.Equal("<|im_start|>user\none\ntwo<|im_end|>\n<|im_start|>assistant\n", plain.Render([message]));
        Assert.Equal(2, message["content"]!.AsArray().Count); // the client's message is as it was
        ChatTemplate shown = ChatTemplate.Parse("{% for m in messages %}[{{ m.content }}]{% endfor %}");
        Assert.Equal("[one\ntwo]", shown.Render([message]));
        ChatTemplate parts = ChatTemplate.Parse(
            "{% for m in messages %}{% for p in m.content %}[{{ p.text or p.type }}]{% endfor %}{% endfor %}");
        JsonObject image = Message("user", Part("one"), new JsonObject { ["type"] = "image_url" });
        Assert.Equal("[one][image_url]", parts.Render([image]));
        Refused(() => plain.Render([Message("user", "a"), image]), "Message 2", "\"image_url\"");
    }

    [Fact]
    public void Variables_take_precedence_and_everything_of_a_message_is_seen()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{{ bos_token }} {{ enable_thinking }} {{ messages[0].extra.list[1] }} {{ messages[0].big }} {{ messages[0].f }} {{ range }}",
            new Dictionary<string, string> { ["bos_token"] = "<s>" });
        JsonObject message = JsonNode.Parse("""{"role": "user", "extra": {"list": [0, null]}, "big": 18446744073709551616, "f": 1.0}""")!
            .AsObject();
        Assert.Equal("<b> False None 18446744073709551616 1.0 [1]", template.Render([message], new()
        {
            Variables = new Dictionary<string, JsonNode?>
            {
                ["enable_thinking"] = false,
                ["bos_token"] = "<b>",
                ["range"] = new JsonArray(1),
            },
        }));
    }

    [Fact]
    public void A_conversation_that_the_template_refuses_is_refused_in_its_words()
    {
        ChatTemplate template = ChatTemplate.Parse(
            "{% if messages[0].role != 'user' %}\n{{ raise_exception('the user begins') }}{% endif %}ok", place: "model/x");
        Assert.Equal("ok", template.Render([Message("user", "a")]));
        Refused(() => template.Render([Message("tool", "a")]), "model/x: the chat template refuses this conversation: the user begins");
        JsonNode half = JsonNode.Parse("\"\\ud800\"")!;
        Refused(() => template.Render([new JsonObject { ["role"] = half }]), "not JSON");
    }

    [Theory]
    [InlineData("a\n\n{% include 'x' %}", 3, "the statement {% include %} is not supported")]
    [InlineData("{% extends 'x' %}", 1, "the statement {% extends %} is not supported")]
    [InlineData("{% for x in y recursive %}{% endfor %}", 1, "a recursive loop is not supported")]
    [InlineData("{#\n#}\n{{ messages | groupby('role') }}", 3, "the filter 'groupby' is not supported")]
    [InlineData("{{ 1 }}\n{{ messages\n| nosuch }}", 3, "there is no filter 'nosuch'")]
    [InlineData("\n{{ 'a' is escaped }}", 2, "the test 'escaped' is not supported")]
    [InlineData("\n{% if messages %}", 2, "the template ends before {% endif %}")]
    [InlineData("\n\n{{ a b }}", 3, "found 'b', expected '}}'")]
    [InlineData("{{ '\n' }}\n{% do x %}", 3, "there is no statement {% do %} here")]
    public void What_is_not_supported_is_refused_with_its_line(string source, int line, string complaint) =>
        Refused(() => ChatTemplate.Parse(source, place: "t.jinja"), $"t.jinja: the chat template, line {line}: {complaint}", "jinja");

    [Theory]
    [InlineData("\n{{ 'a'.encode() }}", 2, "the attribute 'encode' of a value of type str is not supported")]
    [InlineData("{% set x = [] %}\n\n{{ x.append(1) }}", 3, "'append' would change the list")]
    [InlineData("a\n{{ messages\n[0].content.x.y }}", 3, "'str object' has no attribute 'x'")]
    [InlineData("{% macro m(x) %}\n{{ x.y }}{% endmacro %}\n{{ m() }}", 2, "the parameter 'x' was not given")]
    [InlineData("{% for m in messages %}\n{% if m.content == 'Hi' %}\n{{ 1 + m.content }}{% endif %}{% endfor %}", 3,
        "+ is not defined between values of the types int and str")]
    [InlineData("{{ range }}", 1, "the text of a value of type function is not supported")]
    [InlineData("{{ '<b>' | safe | upper | string }}{{ ('<b>' | safe) + 'x' }}", 1, "+ is not defined")]
    [InlineData("{{ joiner() }}", 1, "the function joiner() is not supported")]
    [InlineData("{{ '{:>5}'.format(1) }}", 1, "the field {:>5} of a format is not supported")]
    [InlineData("{{ strftime_now('%G') }}", 1, "the time conversion %G is not supported")]
    public void An_error_while_rendering_names_the_line(string source, int line, string complaint)
    {
        ChatTemplate template = ChatTemplate.Parse(source);
        Refused(() => template.Render([Message("user", "Hi")]), $"line {line}: {complaint}");
    }

    private ChatTemplate? Load() => ChatTemplate.Load(_temp.Path);

    private static JsonObject Message(string role, JsonNode content) => new() { ["role"] = role, ["content"] = content };

    private static JsonObject Message(string role, params JsonNode[] parts) => Message(role, new JsonArray(parts));

    private static JsonObject Part(string text) => new() { ["type"] = "text", ["text"] = text };

    private static void Refused(Action action, params string[] words)
    {
        string message = Assert.Throws<SkipwiseException>(action).Message;
        Assert.All(words, word => Assert.Contains(word, message, StringComparison.Ordinal));
    }
}
