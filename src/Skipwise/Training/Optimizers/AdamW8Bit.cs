using Skipwise.Kernels;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// AdamW with both running means in 8 bits (Dettmers et al. 2022, arXiv 2110.02861): a quarter of the memory. Each block of 256 numbers is
/// divided by its largest magnitude, which stays in float32, and written in a <see cref="DynamicQuantizationMap"/>; the paper takes blocks
/// of 2048, its authors' bitsandbytes 256 since. The update itself is made in float32, from the means before they are rounded. As the paper
/// advises, embeddings and what is smaller than 4096 numbers keep float32.
/// </summary>
/// <remarks>A mean of squares that is not 0 is never rounded to 0: the step would be divided by eps alone.</remarks>
public sealed class AdamW8Bit : FusedAdamW
{
    /// <summary>numbers that share a scale</summary>
    public const int BlockSize = QuantizedMoment.BlockSize;
    /// <summary>with fewer numbers a parameter keeps its means in float32</summary>
    public const int Min8BitSize = 4096;

    private readonly Dictionary<int, (QuantizedMoment First, QuantizedMoment Second)> _quantized;
    private readonly QuantizationTable _signed, _unsigned;
    private readonly AdamW8BitUpdate _update;

    /// <inheritdoc cref="FusedAdamW(CausalLM, AdamWOptions, MasterWeights?)"/>
    public AdamW8Bit(CausalLM model, AdamWOptions options, MasterWeights? masters = null)
        : base(model, options, masters, member => !IsQuantized(member))
    {
        Device device = Members[0].Weight.device;
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

    /// <summary>Whether a parameter's means are in 8 bits.</summary>
    private static bool IsQuantized(TrainedParameter member) =>
        member.Weight.numel() >= Min8BitSize && member.Role != ParameterRole.Embedding;

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() => base.State().Concat(
        from member in Members
        where _quantized.ContainsKey(member.Index)
        let packed = _quantized[member.Index]
        from state in ((string Kind, Tensor Value)[])[("exp_avg.code", packed.First.Codes), ("exp_avg.scale", packed.First.Absmax),
            ("exp_avg_sq.code", packed.Second.Codes), ("exp_avg_sq.scale", packed.Second.Absmax)]
        select ($"{state.Kind}.{member.Name}", state.Value));

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep pace)
    {
        (TrainedParameter Member, Tensor Gradient)[] all = [.. members.Zip(gradients)];
        (TrainedParameter Member, Tensor Gradient)[] whole = [.. all.Where(pair => !IsQuantized(pair.Member))];
        base.Apply([.. whole.Select(pair => pair.Member)], [.. whole.Select(pair => pair.Gradient)], pace);
        AdamWStep step = new(
            (float)pace.LearningRate, (float)(1 - (pace.LearningRate * pace.WeightDecay)), (float)pace.GradientScale,
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
