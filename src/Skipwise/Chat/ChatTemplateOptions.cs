using System.Text.Json.Nodes;

namespace Skipwise.Chat;

/// <summary>What a chat template is given beside the messages.</summary>
public sealed record ChatTemplateOptions
{
    /// <summary>Whether the text ends with what begins an answer of the model (add_generation_prompt).</summary>
    public bool AddGenerationPrompt { get; init; } = true;

    /// <summary>Tools that the model may call, each a JSON object, usually of the type "function". null: none.</summary>
    public IReadOnlyList<JsonObject>? Tools { get; init; }

    /// <summary>Further variables of the template, such as enable_thinking of Qwen 3. They take precedence over all others.</summary>
    public IReadOnlyDictionary<string, JsonNode?> Variables { get; init; } = new Dictionary<string, JsonNode?>();

    /// <summary>Name of the template, for a model that has several. null: as in transformers "tool_use" if there are tools and such a
    /// template, else "default".</summary>
    public string? Name { get; init; }

    /// <summary>The time that strftime_now sees: some templates tell the model the date.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
