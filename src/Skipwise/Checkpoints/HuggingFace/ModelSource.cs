using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>Where a model comes from: a folder with config.json, weights and tokenizer, and the user's word on its rope.</summary>
/// <param name="Folder">a Hugging Face folder, or a llama2.c checkpoint (the file, or its folder)</param>
/// <param name="FreezePadEmbedding">never train the embedding of pad_token_id, as the original's nn.Embedding does: only to reproduce its
/// numbers</param>
/// <param name="Adapter">folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</param>
/// <param name="QuantizationBits">8 or 4: the layers' projections are packed as they are read, unless an adapter is merged into them; null
/// packs none</param>
/// <param name="InferenceOnly">
/// the model is not trained: its numbers may stay where the file has them, at any address, and matrices of 16 bits as they are, to be
/// widened where they are computed with. That gives the same numbers; it is done where the model computes in float32 on the CPU, and no
/// adapter is merged
/// </param>
public sealed record ModelSource(
    [property: PathName(Name = "--model")] string Folder,
    RopeOverrides? Rope = null,
    bool FreezePadEmbedding = false,
    [property: PathName(Name = "--adapter")] string? Adapter = null,
    int? QuantizationBits = null,
    bool InferenceOnly = false);
