namespace Skipwise.Checkpoints.HuggingFace.Families;

/// <summary>Llama 1, 2, 3 and 3.1, whose tensor names are the canonical ones.</summary>
internal static class Llama
{
    public static readonly ModelFamily Family = new()
    {
        ModelType = "llama",
        Architecture = "LlamaForCausalLM",
        OriginalCodeUsesRevisedYarn = true,
        Read = (root, model) => model with
        {
            AttentionBias = root.Bool("attention_bias", false),
            AttentionOutputBias = root.Bool("attention_bias", false),
            MlpBias = root.Bool("mlp_bias", false),
        },
    };
}
