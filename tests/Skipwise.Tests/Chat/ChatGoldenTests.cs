using System.Text.Json.Nodes;
using Skipwise.Chat;

namespace Skipwise.Tests.Chat;

/// <summary>Templates beside jinja2 itself: every text is the same to the character, and what jinja2 refuses is refused.</summary>
public class ChatGoldenTests
{
    // the time that make_golden.py fixes
    private static readonly FixedClock s_clock = new(new DateTimeOffset(2024, 7, 26, 9, 5, 3, 42, TimeSpan.Zero));

    private static readonly Lazy<JsonObject> s_golden = new(() => Read("golden.json"));

    private static readonly Dictionary<string, string> s_tokens = new() { ["bos_token"] = "<s>", ["eos_token"] = "</s>" };

    private static readonly string[] s_takeParts = ["gemma3.jinja", "mistral-v7.jinja"];

    public static TheoryData<string> Templates =>
        [.. Directory.EnumerateFiles(Fixture.Path("chat", "templates")).Select(file => Path.GetFileName(file))];

    [Theory]
    [InlineData("snippets", 300)]
    [InlineData("combinations", 5000)]
    public void A_snippet_renders_as_in_jinja2(string rows, int least)
    {
        var variables = rows == "snippets" ? Read("variables.json").ToDictionary() : [];
        var wrong = new List<string>();
        foreach (JsonArray row in s_golden.Value[rows]!.AsArray().OfType<JsonArray>())
        {
            (string source, string? expected) = ((string)row[0]!, (string?)row[1]);
            string? found = Rendered(
                () => ChatTemplate.Parse(source).Render([], new() { Variables = variables, Clock = s_clock }), out string error);
            if (found != expected)
            {
                wrong.Add($"{source}\n  expected: {expected ?? "(refused)"}\n  found:    {found ?? error}");
            }
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} differ:\n{string.Join('\n', wrong.Take(60))}");
        Assert.True(s_golden.Value[rows]!.AsArray().Count >= least);
    }

    /// <summary>The layouts of published families; conversations with tools, parts, thinking and roles out of order.</summary>
    [Theory]
    [MemberData(nameof(Templates))]
    public void A_family_lays_out_its_prompt_as_in_transformers(string file)
    {
        JsonObject conversations = Read("conversations.json");
        ChatTemplate template = ChatTemplate.Parse(File.ReadAllText(Fixture.Path("chat", "templates", file)), s_tokens, file);
        JsonArray[] rows = [.. s_golden.Value["renderings"]!.AsArray().OfType<JsonArray>().Where(row => (string)row[0]! == file)];
        Assert.Equal(conversations.Count, rows.Length);
        Assert.Contains(rows, row => row[2] is not null);
        Assert.All(rows, row =>
        {
            JsonObject given = conversations[(string)row[1]!]!.AsObject();
            JsonObject[] messages = [.. given["messages"]!.AsArray().Select(message => message!.AsObject())];
            if (messages.Any(message => message["content"] is JsonArray) && !s_takeParts.Contains(file))
            {
                return; // here the template gets one text, and not as in transformers the parts: ChatTemplateTests
            }
            string? found = Rendered(() => template.Render(messages, Options(given)), out string error);
            Assert.Equal(((string?)row[1], (string?)row[2] ?? error), ((string?)row[1], found ?? error));
        });
    }

    private static ChatTemplateOptions Options(JsonObject given) => new()
    {
        AddGenerationPrompt = (bool)given["add_generation_prompt"]!,
        Tools = given["tools"] is JsonArray tools ? [.. tools.Select(tool => tool!.AsObject())] : null,
        Variables = given.Where(pair => pair.Key is "enable_thinking" or "date_string").ToDictionary(),
        Clock = s_clock,
    };

    private static string? Rendered(Func<string> render, out string error)
    {
        try
        {
            error = "";
            return render();
        }
        catch (SkipwiseException e)
        {
            error = e.Message;
            return null;
        }
    }

    private static JsonObject Read(string name) => JsonNode.Parse(File.ReadAllText(Fixture.Path("chat", name)))!.AsObject();
}
