using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>The source of a model: a folder with config.json, weights and tokenizer, and the user's rope options.</summary>
/// <param name="Folder">a Hugging Face folder, ORG/NAME of a model in the hub's cache, a GGUF file, or a llama2.c checkpoint (the file, or
/// its folder)</param>
/// <param name="FreezePadEmbedding">look-ups of pad_token_id pass no gradient (<see cref="DecoderConfig.FrozenEmbeddingRow"/>), as in the
/// PoSE reference code; only to reproduce its numbers</param>
/// <param name="Adapter">folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</param>
/// <param name="QuantizationBits">8 or 4: quantize the layers' projections while loading, unless an adapter is merged into them; null: no
/// quantization</param>
/// <param name="InferenceOnly">
/// the model is not trained: weights may stay memory-mapped at any alignment, and 16-bit matrices are cast to float32 at use; results are
/// identical. Applies if the model computes in float32 on the CPU and no adapter is merged
/// </param>
public sealed record ModelSource(
    [property: PathName] string Folder,
    RopeOverrides? Rope = null,
    bool FreezePadEmbedding = false,
    [property: PathName] string? Adapter = null,
    int? QuantizationBits = null,
    bool InferenceOnly = false)
{
    /// <summary>Makes the place where the parameters are kept while they are not computed with; null: in the model.</summary>
    internal Func<CausalLM, IParameterResidence>? Residence { get; init; }
}
