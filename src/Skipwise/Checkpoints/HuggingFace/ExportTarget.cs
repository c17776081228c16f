namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>A program that runs models.</summary>
public enum ExportTarget
{
    /// <summary>transformers before 5</summary>
    Transformers4,
    /// <summary>transformers 5</summary>
    Transformers5,
    /// <summary>vLLM, which reads configurations through transformers</summary>
    Vllm,
    /// <summary>llama.cpp and the programs around it, which read GGUF files</summary>
    LlamaCpp,
    /// <summary>mlx-lm</summary>
    Mlx,
}
