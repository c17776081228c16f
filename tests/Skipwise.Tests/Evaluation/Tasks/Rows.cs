using System.Text.Json;
using Skipwise.Evaluation.Tasks;
using Skipwise.Storage;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Rows of benchmark files in the shape of the real ones; every text is made up.</summary>
internal static class Rows
{
    public static TaskDocument Read(TaskConfig card, string json, HarnessVersion harness = HarnessVersion.V2023)
    {
        using var document = JsonDocument.Parse(json);
        return card.Read(LocatedJson.At("rows.jsonl:1", document.RootElement.Clone()), harness);
    }

    public static string Error(TaskConfig card, string json, HarnessVersion harness = HarnessVersion.V2023) =>
        Assert.Throws<SkipwiseException>(() => Read(card, json, harness)).Message;

    /// <summary>Questions told apart by their number.</summary>
    public static TaskDocument[] Numbered(int count) => [.. Enumerable.Range(0, count).Select(i => new TaskDocument
    {
        Choices = [new($"q{i}", " a", "a"), new($"q{i}", " b", "b")], GoldChoices = new HashSet<int> { 0 }, FewshotText = $"q{i} a",
        Row = $"{i}",
    })];
}
