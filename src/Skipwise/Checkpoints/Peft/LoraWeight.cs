using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>The LoRA factors of one weight W [out, in]: W + Scale * B A.</summary>
/// <param name="Target">name of W in the checkpoint, such as model.layers.0.self_attn.q_proj.weight</param>
/// <param name="A">[r, in]</param>
/// <param name="B">[out, r]</param>
/// <param name="Scale">alpha / r, or alpha / sqrt(r)</param>
internal sealed record LoraWeight(string Target, Tensor A, Tensor B, double Scale)
{
    /// <summary>The module of W, which PEFT's names and patterns refer to.</summary>
    public string Module => ModuleOf(Target);

    /// <summary>Computes Scale * B A, float32 [out, in].</summary>
    public Tensor Update()
    {
        using var scope = NewDisposeScope();
        return B.to(ScalarType.Float32).matmul(A.to(ScalarType.Float32)).mul_(Scale).MoveToOuterDisposeScope();
    }

    internal static string ModuleOf(string target) => target[..target.LastIndexOf('.')];
}
