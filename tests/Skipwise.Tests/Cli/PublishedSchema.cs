using System.Text.Json;
using Json.Schema;

namespace Skipwise.Tests.Cli;

/// <summary>The published JSON schema of a command's results.</summary>
internal static class PublishedSchema
{
    /// <param name="name">of the command, with hyphens: eval-all</param>
    public static string FileOf(string name) => Path.Combine(HouseRulesTests.Root(), "docs", "schema", $"{name}.json");

    /// <summary>The document is one of that schema.</summary>
    /// <inheritdoc cref="FileOf"/>
    public static void Validate(string name, string document)
    {
        JsonSchema schema = JsonSchema.FromText(File.ReadAllText(FileOf(name)));
        using JsonDocument parsed = JsonDocument.Parse(document);
        EvaluationResults result =
            schema.Evaluate(parsed.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        Assert.True(result.IsValid, string.Join('\n', (result.Details ?? []).Where(detail => detail.Errors is not null)
            .Select(detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}")) + "\n" + document);
    }
}
