using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Skipwise.Serving;
using Skipwise.Tokenizers;

namespace Skipwise.Server.Api;

/// <summary>/tokenize, /detokenize and /tokenizer_info, as vLLM has them and lm-evaluation-harness asks.</summary>
internal sealed class TokenizerEndpoints(ServedModels models)
{
    /// <summary>POST /tokenize { prompt, add_special_tokens } or { messages }</summary>
    public async Task<JsonObject> TokenizeAsync(HttpContext http, CancellationToken cancel)
    {
        RequestFields fields = await RequestFields.ReadAsync(http, cancel).ConfigureAwait(false);
        TextModel model = models.Find(fields.Text("model"));
        int[] tokens = fields["messages"] is not null ? ChatEndpoint.Encode(fields, model)
            : fields.Text("prompt") is not { } text ? throw ApiException.Invalid("prompt", "is missing.")
            : fields["add_special_tokens"] is null || fields.Flag("add_special_tokens") ? model.Encode(text) : model.Tokenizer.Encode(text);
        return new JsonObject
        {
            ["tokens"] = new JsonArray([.. tokens.Select(id => (JsonNode)id)]),
            ["count"] = tokens.Length,
            ["max_model_len"] = model.ContextLength,
        };
    }

    /// <summary>POST /detokenize { tokens }</summary>
    public async Task<JsonObject> DetokenizeAsync(HttpContext http, CancellationToken cancel)
    {
        RequestFields fields = await RequestFields.ReadAsync(http, cancel).ConfigureAwait(false);
        TextModel model = models.Find(fields.Text("model"));
        int[] tokens = fields["tokens"] is JsonArray list ? RequestFields.List<int>(list, "tokens", "a list of token ids")
            : throw ApiException.Invalid("tokens", "has to be a list of token ids.");
        return tokens.FirstOrDefault(id => (uint)id >= (uint)model.Network.Config.VocabSize) is var wrong and not 0
            ? throw ApiException.Invalid("tokens", $"names the id {wrong}, but the vocabulary has {model.Network.Config.VocabSize} ids.")
            : new JsonObject { ["prompt"] = model.Tokenizer.Decode(tokens) };
    }

    /// <summary>GET /tokenizer_info</summary>
    public JsonObject Info(string? name)
    {
        TextModel model = models.Find(name);
        ITokenizer tokenizer = model.Tokenizer;
        TokenizerModel? pieces = tokenizer.ToModel();
        JsonNode? Text(int? id) => id is { } own ? pieces?.Pieces[own].Text ?? tokenizer.Decode([own]) : null;
        return new JsonObject
        {
            ["bos_token"] = Text(tokenizer.BosId),
            ["eos_token"] = Text(tokenizer.EosId),
            ["pad_token"] = Text(model.Network.Config.PadTokenId),
            ["chat_template"] = model.Template?.Text,
            ["add_bos_token"] = tokenizer.AddsBos,
            ["vocab_size"] = model.Network.Config.VocabSize,
            ["model_max_length"] = model.ContextLength,
        };
    }
}
