using System.Text.Json;
using Json.Schema;

namespace Skipwise.Tests.Cli;

/// <summary>The published JSON schema of a command's results.</summary>
internal static class PublishedSchema
{
    private static readonly Lock s_registry = new(); // JsonSchema.Net keeps every schema in one dictionary without a lock

    /// <param name="name">of the command, with hyphens: eval-all</param>
    public static string FileOf(string name) => Path.Combine(HouseRulesTests.Root(), "docs", "schema", $"{name}.json");

    /// <summary>The document is one of that schema.</summary>
    /// <inheritdoc cref="FileOf"/>
    public static void Validate(string name, string document)
    {
        using JsonDocument parsed = JsonDocument.Parse(document);
        EvaluationResults result;
        lock (s_registry)
        {
            result = JsonSchema.FromText(File.ReadAllText(FileOf(name)))
                .Evaluate(parsed.RootElement, new EvaluationOptions { OutputFormat = OutputFormat.List });
        }
        Assert.True(result.IsValid, string.Join('\n', (result.Details ?? []).Where(detail => detail.Errors is not null)
            .Select(detail => $"{detail.InstanceLocation}: {string.Join(", ", detail.Errors!.Values)}")) + "\n" + document);
    }
}
