using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>The 8-bit AdamW update by libtorch's operations, for every device.</summary>
internal sealed class TorchAdamW8Bit : AdamW8BitUpdate
{
    private const int BlocksAtOnce = 1 << 12; // a million elements: temporaries are small compared with the state
    private readonly jit.CompilationUnit _script;

    public TorchAdamW8Bit(double beta1, double beta2, double eps)
    {
        string first = TorchScript.Literal(beta1), second = TorchScript.Literal(beta2);
        string restFirst = TorchScript.Literal(1 - beta1), restSecond = TorchScript.Literal(1 - beta2);
        // w, g [R, W]; codes m, v [R, W] and their blocks' scales a, b [R, 1]; c and d are the bias corrections
        _script = jit.compile($"""
            def dequantize(code: Tensor, table: Tensor, scale: Tensor):
                return table.index_select(0, code.flatten().int()).view_as(code).mul_(scale)

            def quantize(x: Tensor, code: Tensor, bounds: Tensor, lookup: Tensor, scale: Tensor):
                scale.copy_(x.abs().amax(1, keepdim=True))
                x.div_(scale.clamp_min({TorchScript.Literal(DynamicQuantizationMap.MinScale)}))
                m, e = torch.frexp(x)  # the bin is the number's upper 16 bits: its sign, e + 126, and 7 bits of the fraction 2 |m| - 1
                bin = e.add_(125).clamp_min_(0).mul_(128).add_(m.abs().mul_(256).int()).mul_(x.ne(0)).add_(x.lt(0).int().mul_(32768))
                guess = lookup.index_select(0, bin.flatten()).view_as(x)
                code.copy_(guess.add_(x.gt(bounds.index_select(0, guess.flatten()).view_as(x))))

            def update(w: Tensor, g: Tensor, m: Tensor, v: Tensor, a: Tensor, b: Tensor, signed: Tensor, unsigned: Tensor,
                       signed_bounds: Tensor, unsigned_bounds: Tensor, signed_lookup: Tensor, unsigned_lookup: Tensor,
                       lr: Tensor, decay: Tensor, scale: Tensor, c: Tensor, d: Tensor):
                g = g * scale
                exp_avg = dequantize(m, signed, a).mul_({first}).add_(g, alpha={restFirst})
                exp_avg_sq = dequantize(v, unsigned, b).mul_({second}).addcmul_(g, g, value={restSecond})
                w.mul_(decay)
                w.sub_((exp_avg / c).div_(exp_avg_sq.sqrt().div_(d).add_({TorchScript.Literal(eps)})).mul_(lr))
                quantize(exp_avg, m, signed_bounds, signed_lookup, a)
                quantize(exp_avg_sq, v, unsigned_bounds, unsigned_lookup, b)

            """);
    }

    public override void Update(Tensor weight, Tensor gradient, QuantizedMoment first, QuantizedMoment second, AdamWStep step)
    {
        // 0-dim on the CPU: every device accepts them as scalars
        Tensor lr = step.LearningRate, decay = step.DecayFactor, scale = step.GradientScale;
        Tensor c = step.BiasCorrection1, d = step.BiasCorrection2Sqrt;
        (QuantizationTable signed, QuantizationTable unsigned) = (first.Table, second.Table);
        foreach ((long block, long blocks, long width) in Parts(weight.numel()))
        {
            using var scope = NewDisposeScope();
            Tensor Rows(Tensor x) => x.view(-1).narrow(0, block * QuantizedMoment.BlockSize, blocks * width).view(blocks, width);
            Tensor Scales(Tensor x) => x.narrow(0, block, blocks).unsqueeze(1);
            _script.invoke(
                "update", Rows(weight), Rows(gradient), Rows(first.Codes), Rows(second.Codes), Scales(first.Absmax),
                Scales(second.Absmax), signed.Values, unsigned.Values, signed.Boundaries, unsigned.Boundaries, signed.BinLookup,
                unsigned.BinLookup, lr, decay, scale, c, d);
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _script.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <summary>Whole blocks, many per call; then the last one, if it is shorter.</summary>
    private static IEnumerable<(long Block, long Blocks, long Width)> Parts(long count)
    {
        long whole = count / QuantizedMoment.BlockSize;
        for (long block = 0; block < whole; block += BlocksAtOnce)
        {
            yield return (block, Math.Min(BlocksAtOnce, whole - block), QuantizedMoment.BlockSize);
        }
        if (count % QuantizedMoment.BlockSize is > 0 and long rest)
        {
            yield return (whole, 1, rest);
        }
    }
}
