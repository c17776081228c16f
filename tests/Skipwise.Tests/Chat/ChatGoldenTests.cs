using System.Text.Json.Nodes;
using Skipwise.Chat;

namespace Skipwise.Tests.Chat;

/// <summary>Templates beside jinja2 itself: every text is the same to the character, and what jinja2 refuses is refused.</summary>
public class ChatGoldenTests
{
    private static readonly Lazy<JsonObject> s_golden = new(() => Read("golden.json"));

    // the time that make_golden.py fixes
    private static readonly TimeProvider s_clock = new FixedClock(new DateTimeOffset(2024, 7, 26, 9, 5, 3, 42, TimeSpan.Zero));

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
            string? found = Rendered(() => ChatTemplate.Parse(source).Render([], new() { Variables = variables, Clock = s_clock }), out string error);
            if (found != expected)
            {
                wrong.Add($"{source}\n  expected: {expected ?? "(refused)"}\n  found:    {found ?? error}");
            }
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} differ:\n{string.Join('\n', wrong.Take(60))}");
        Assert.True(s_golden.Value[rows]!.AsArray().Count >= least);
    }

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

    private sealed class FixedClock(DateTimeOffset now) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => now;

        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;
    }
}
