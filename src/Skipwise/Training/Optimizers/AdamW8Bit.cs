using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// AdamW with both moments quantized to 8 bits (Dettmers et al. 2022, arXiv 2110.02861): a quarter of the memory. Each block of 256
/// elements is divided by its largest magnitude (absmax, float32) and quantized by a <see cref="DynamicQuantizationMap"/>; the paper uses
/// blocks of 2048, its authors' bitsandbytes 256 since. The update uses the float32 moments before they are quantized. As the paper
/// advises, embeddings and parameters of fewer than 4096 elements keep float32.
/// </summary>
/// <remarks>A second moment other than 0 is never quantized to 0: the denominator would be eps alone.</remarks>
public sealed class AdamW8Bit : FusedAdamW
{
    /// <summary>elements per block, which share a scale</summary>
    public const int BlockSize = QuantizedMoment.BlockSize;
    /// <summary>parameters of fewer elements keep float32 moments</summary>
    public const int Min8BitSize = 4096;

    private readonly Dictionary<int, (QuantizedMoment First, QuantizedMoment Second)> _quantized;
    private readonly QuantizationTable _signed, _unsigned;
    private readonly AdamW8BitUpdate _update;

    /// <inheritdoc cref="FusedAdamW(CausalLM, AdamWOptions, MasterWeights?, Func{string, bool}?)"/>
    public AdamW8Bit(CausalLM model, AdamWOptions options, MasterWeights? masters = null, Func<string, bool>? owns = null)
        : base(model, options, masters, owns, member => !IsQuantized(member))
    {
        Device device = StateDevice;
        float[] bounds = DynamicQuantizationMap.Boundaries(DynamicQuantizationMap.Unsigned);
        bounds[0] = 0;
        float[] signed = DynamicQuantizationMap.Signed;
        _signed = QuantizationTable.Create(signed, DynamicQuantizationMap.Boundaries(signed), device);
        _unsigned = QuantizationTable.Create(DynamicQuantizationMap.Unsigned, bounds, device);
        _quantized = Members.Where(IsQuantized)
            .ToDictionary(member => member.Index,
                member => (QuantizedMoment.Zeros(member.Weight, _signed), QuantizedMoment.Zeros(member.Weight, _unsigned)));
        _update = KernelSet.For(device, ScalarType.Float32).CreateAdamW8Bit(options.Beta1, options.Beta2, options.Eps);
    }

    /// <summary>Whether a parameter's moments are quantized.</summary>
    private static bool IsQuantized(TrainedParameter member) =>
        member.Parameter.numel() >= Min8BitSize && member.Role != ParameterRole.Embedding;

    /// <inheritdoc/>
    internal override IEnumerable<OptimizerStateTensor> StateTensors() => base.StateTensors().Concat(
        from member in Members
        where _quantized.ContainsKey(member.Index)
        let moments = _quantized[member.Index]
        from state in ((string Kind, Tensor Value, int PerValue)[])[
            ("exp_avg.code", moments.First.Codes, 1), ("exp_avg.scale", moments.First.Absmax, BlockSize),
            ("exp_avg_sq.code", moments.Second.Codes, 1), ("exp_avg_sq.scale", moments.Second.Absmax, BlockSize)]
        let elements = member.Parameter.numel()
        select new OptimizerStateTensor($"{state.Kind}.{member.Name}", state.Value, [(elements + state.PerValue - 1) / state.PerValue],
            elements, state.PerValue));

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep group)
    {
        (TrainedParameter Member, Tensor Gradient)[] all = [.. members.Zip(gradients)];
        (TrainedParameter Member, Tensor Gradient)[] float32Members = [.. all.Where(pair => !IsQuantized(pair.Member))];
        base.Apply([.. float32Members.Select(pair => pair.Member)], [.. float32Members.Select(pair => pair.Gradient)], group);
        AdamWStep step = new(
            (float)group.LearningRate, (float)(1 - (group.LearningRate * group.WeightDecay)), (float)group.GradientScale,
            (float)(1 - Math.Pow(Options.Beta1, StepCount)), (float)Math.Sqrt(1 - Math.Pow(Options.Beta2, StepCount)));
        foreach ((TrainedParameter member, Tensor gradient) in all.Where(pair => IsQuantized(pair.Member)))
        {
            using var scope = NewDisposeScope();
            (QuantizedMoment first, QuantizedMoment second) = _quantized[member.Index];
            _update.Update(member.Weight, gradient.contiguous(), first, second, step);
        }
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _signed.Dispose();
        _unsigned.Dispose();
        _update.Dispose();
    }
}
