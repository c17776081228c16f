using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training.Optimizers;

/// <summary>
/// AdamW with both running means in 8 bits (Dettmers et al. 2022, arXiv 2110.02861): a quarter of the memory. Each block of 256 numbers is
/// divided by its largest magnitude, which stays in float32, and written in a <see cref="DynamicQuantizationMap"/>; the paper takes blocks of 2048, its
/// authors' bitsandbytes 256 since. The update itself is made in float32, from the means before they are rounded. As the paper
/// advises, embeddings and what is smaller than 4096 numbers keep float32.
/// </summary>
/// <remarks>A mean of squares that is not 0 is never rounded to 0: the step would be divided by eps alone.</remarks>
public sealed class AdamW8Bit : FusedAdamW
{
    /// <summary>numbers that share a scale</summary>
    public const int BlockSize = 256;
    /// <summary>with fewer numbers a parameter keeps its means in float32</summary>
    public const int Min8BitSize = 4096;

    private const int BlocksAtOnce = 1 << 12; // a million numbers: what is made on the way is small beside the state
    private readonly Dictionary<int, (QuantizedMoment First, QuantizedMoment Second)> _quantized;
    private readonly QuantizationTable _signed, _unsigned;
    private readonly jit.CompilationUnit _kernel;

    /// <inheritdoc cref="FusedAdamW(CausalLM, AdamWOptions, MasterWeights?)"/>
    public AdamW8Bit(CausalLM model, AdamWOptions options, MasterWeights? masters = null) : base(model, options, masters, member => !IsQuantized(member))
    {
        Device device = Members[0].Weight.device;
        float[] bounds = DynamicQuantizationMap.Boundaries(DynamicQuantizationMap.Unsigned);
        bounds[0] = 0;
        (_signed, _unsigned) = (QuantizationTable.Create(DynamicQuantizationMap.Signed, DynamicQuantizationMap.Boundaries(DynamicQuantizationMap.Signed), device), QuantizationTable.Create(DynamicQuantizationMap.Unsigned, bounds, device));
        _quantized = Members.Where(IsQuantized).ToDictionary(member => member.Index, member => (QuantizedMoment.Zeros(member.Weight, _signed), QuantizedMoment.Zeros(member.Weight, _unsigned)));
        string beta1 = ScriptLiteral(options.Beta1), beta2 = ScriptLiteral(options.Beta2), rest1 = ScriptLiteral(1 - options.Beta1), rest2 = ScriptLiteral(1 - options.Beta2);
        // w, g [R, W]; the codes m, v [R, W] and their blocks' scales a, b [R, 1]; c and d undo the means' start at 0
        _kernel = jit.compile($"""
            def unpack(code: Tensor, table: Tensor, scale: Tensor):
                return table.index_select(0, code.flatten().int()).view_as(code).mul_(scale)

            def pack(x: Tensor, code: Tensor, bounds: Tensor, guesses: Tensor, scale: Tensor):
                scale.copy_(x.abs().amax(1, keepdim=True))
                x.div_(scale.clamp_min({ScriptLiteral(DynamicQuantizationMap.MinScale)}))
                m, e = torch.frexp(x)  # the bin is the number's upper 16 bits: its sign, e + 126, and 7 bits of the fraction 2 |m| - 1
                bin = e.add_(125).clamp_min_(0).mul_(128).add_(m.abs().mul_(256).int()).mul_(x.ne(0)).add_(x.lt(0).int().mul_(32768))
                guess = guesses.index_select(0, bin.flatten()).view_as(x)
                code.copy_(guess.add_(x.gt(bounds.index_select(0, guess.flatten()).view_as(x))))

            def update(w: Tensor, g: Tensor, m: Tensor, v: Tensor, a: Tensor, b: Tensor, signed: Tensor, unsigned: Tensor, signed_bounds: Tensor, unsigned_bounds: Tensor, signed_guesses: Tensor, unsigned_guesses: Tensor, lr: Tensor, decay: Tensor, scale: Tensor, c: Tensor, d: Tensor):
                g = g * scale
                mean = unpack(m, signed, a).mul_({beta1}).add_(g, alpha={rest1})
                square = unpack(v, unsigned, b).mul_({beta2}).addcmul_(g, g, value={rest2})
                w.mul_(decay)
                w.sub_((mean / c).div_(square.sqrt().div_(d).add_({ScriptLiteral(options.Eps)})).mul_(lr))
                pack(mean, m, signed_bounds, signed_guesses, a)
                pack(square, v, unsigned_bounds, unsigned_guesses, b)

            """);
    }

    /// <summary>Whether a parameter's means are in 8 bits.</summary>
    private static bool IsQuantized(TrainedParameter member) =>
        member.Weight.numel() >= Min8BitSize && member.Role != ParameterRole.Embedding;

    public override IEnumerable<(string Name, Tensor Value)> State() => base.State().Concat(
        from member in Members
        where _quantized.ContainsKey(member.Index)
        let packed = _quantized[member.Index]
        from state in ((string Kind, Tensor Value)[])[("exp_avg.code", packed.First.Codes), ("exp_avg.scale", packed.First.Absmax), ("exp_avg_sq.code", packed.Second.Codes), ("exp_avg_sq.scale", packed.Second.Absmax)]
        select ($"{state.Kind}.{member.Name}", state.Value));

    private protected override void Apply(TrainedParameter[] members, Tensor[] gradients, GroupStep pace)
    {
        (TrainedParameter Member, Tensor Gradient)[] all = [.. members.Zip(gradients)];
        (TrainedParameter Member, Tensor Gradient)[] whole = [.. all.Where(pair => !IsQuantized(pair.Member))];
        base.Apply([.. whole.Select(pair => pair.Member)], [.. whole.Select(pair => pair.Gradient)], pace);
        AdamWStep step = new(Options, (float)pace.LearningRate, (float)(1 - (pace.LearningRate * pace.WeightDecay)), (float)pace.GradientScale, (float)(1 - Math.Pow(Options.Beta1, StepCount)), (float)Math.Sqrt(1 - Math.Pow(Options.Beta2, StepCount)));
        foreach ((TrainedParameter member, Tensor gradient) in all.Where(pair => IsQuantized(pair.Member)))
        {
            using var scope = NewDisposeScope();
            (QuantizedMoment first, QuantizedMoment second) = _quantized[member.Index];
            if (AdamW8BitKernel.Supports(member.Weight))
            {
                AdamW8BitKernel.Update(member.Weight, gradient.contiguous(), first, second, step);
            }
            else
            {
                Update(member.Weight, gradient.contiguous(), first, second, step);
            }
        }
    }

    /// <summary>The same as <see cref="AdamW8BitKernel"/> by libtorch's operations, on every device.</summary>
    private void Update(Tensor weight, Tensor gradient, QuantizedMoment first, QuantizedMoment second, AdamWStep step)
    {
        // 0-dim on the CPU: every device takes them as numbers
        Tensor lr = step.LearningRate, decay = step.DecayFactor, scale = step.GradientScale, c = step.BiasCorrection1, d = step.BiasCorrection2Sqrt;
        foreach ((long block, long blocks, long width) in Parts(weight.numel()))
        {
            using var scope = NewDisposeScope();
            Tensor Numbers(Tensor x) => x.view(-1).narrow(0, block * BlockSize, blocks * width).view(blocks, width);
            Tensor Scales(Tensor x) => x.narrow(0, block, blocks).unsqueeze(1);
            _kernel.invoke("update", Numbers(weight), Numbers(gradient), Numbers(first.Codes), Numbers(second.Codes), Scales(first.Absmax), Scales(second.Absmax),
                _signed.Values, _unsigned.Values, _signed.Boundaries, _unsigned.Boundaries, _signed.BinLookup, _unsigned.BinLookup, lr, decay, scale, c, d);
        }
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        _signed.Dispose();
        _unsigned.Dispose();
        _kernel.Dispose();
    }

    /// <summary>Whole blocks, many at once; then the last one, if it is shorter.</summary>
    private static IEnumerable<(long Block, long Blocks, long Width)> Parts(long count)
    {
        long whole = count / BlockSize;
        for (long block = 0; block < whole; block += BlocksAtOnce)
        {
            yield return (block, Math.Min(BlocksAtOnce, whole - block), BlockSize);
        }
        if (count % BlockSize is > 0 and long rest)
        {
            yield return (whole, 1, rest);
        }
    }
}
