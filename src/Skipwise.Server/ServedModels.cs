using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skipwise.Models;
using Skipwise.Server.Api;
using Skipwise.Serving;

namespace Skipwise.Server;

/// <summary>The models of a server, by name.</summary>
internal sealed class ServedModels(IReadOnlyList<TextModel> models)
{
    private readonly long _created = DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    public IReadOnlyList<TextModel> All => models;

    /// <summary>The model that a request names; the only one if it names none.</summary>
    /// <exception cref="ApiException">there is none of that name</exception>
    public TextModel Find(string? name) =>
        (name is null && models.Count == 1 ? models[0] : models.FirstOrDefault(model => model.Name == name))
        ?? throw new ApiException(StatusCodes.Status404NotFound,
            $"The model '{name}' does not exist. There is: {string.Join(", ", models.Select(model => model.Name))}.",
            "model_not_found", "model");

    /// <summary>The answer of /v1/models.</summary>
    public JsonObject ToJson() => new()
    {
        ["object"] = "list",
        ["data"] = new JsonArray([.. models.Select(ToJson)]),
    };

    /// <summary>The answer of /v1/models/NAME. Beside OpenAI's fields it has vLLM's max_model_len, the window; of the others,
    /// original_max_model_len is the window that the base model was trained with.</summary>
    public JsonObject ToJson(TextModel model) => new()
    {
        ["id"] = model.Name,
        ["object"] = "model",
        ["created"] = _created,
        ["owned_by"] = "skipwise",
        ["max_model_len"] = model.ContextLength,
        ["original_max_model_len"] = ContextExtension.OriginalLength(model.Network.Config),
        ["has_chat_template"] = model.Template is not null,
        ["has_evidence"] = model.Engine.CanFindSources,
    };
}
