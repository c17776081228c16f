using System.Text.Json.Nodes;
using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>Gemma (the first): norms around one, a scaled embedding, GeGLU, a tied head.</summary>
internal static class Gemma
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "gemma",
        Architecture = "GemmaForCausalLM",
        KeyNames = new Dictionary<string, string> { ["hidden_act"] = "hidden_activation" },
        DefaultActivation = "gelu_pytorch_tanh",
        Defaults = new Dictionary<string, JsonNode> { ["tie_word_embeddings"] = true, ["head_dim"] = 256 },
        IgnoredKeys = ["hidden_act"], // the first files have "gelu" here and mean the tanh approximation; every program ignores it
        Read = (root, model) => model with
        {
            Norm = NormKind.RmsUnitOffset,
            EmbeddingScale = Math.Sqrt(model.HiddenSize),
            AttentionBias = root.Bool("attention_bias", false),
            AttentionOutputBias = root.Bool("attention_bias", false),
        },
    };
}
