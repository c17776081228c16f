using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Token embedding, times a constant that some families use.</summary>
internal sealed class TokenEmbedding : nn.Module, IParameterOwner
{
    private readonly int? _frozenRow;
    private readonly Scalar? _scale; // kept, see RmsNorm; null: 1
    public Parameter weight { get; } // [V, C]

    ParameterRole IParameterOwner.Role => ParameterRole.Embedding;

    /// <summary>factor of the rows, as a number of the type that the weights were created in</summary>
    internal double Scale { get; }

    public TokenEmbedding(DecoderConfig config, ScalarType dtype, Device device) : base(nameof(TokenEmbedding))
    {
        using Tensor scale = tensor(config.EmbeddingScale, dtype, CPU); // rounded to the weights' type, as Gemma was trained
        (_frozenRow, Scale) = (config.FrozenEmbeddingRow, config.EmbeddingScale == 1 ? 1 : scale.ToDouble());
        _scale = Scale == 1 ? null : Scale.ToScalar();
        weight = new Parameter(empty(config.VocabSize, config.HiddenSize, dtype: dtype, device: device));
        register_parameter(nameof(weight), weight);
    }

    /// <param name="ids">int64 [B, T]</param>
    /// <param name="dtype">element type of the computation: that of the weights, or wider</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Forward(Tensor ids, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        Tensor rows = KernelSet.For(weight).Embedding(weight, ids).to(dtype);
        if (_frozenRow is { } frozen)
        {
            rows = where(ids.eq(frozen).unsqueeze(-1), rows.detach(), rows);
        }
        return (_scale is null ? rows : rows.mul(_scale)).MoveToOuterDisposeScope();
    }
}
