using Skipwise.Kernels;
using Skipwise.Rope;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Every set that this machine has against the reference: kernel by kernel, with and without a graph, gradients too.</summary>
public class KernelSetTests
{
    private static readonly ScalarType[] s_dtypes = [ScalarType.Float32, ScalarType.BFloat16];

    /// <summary>Each set but the reference, with each type that it computes in.</summary>
    public static TheoryData<string, ScalarType> Sets => [..
        from dtype in s_dtypes
        from set in KernelSet.All(CPU, dtype).Skip(1)
        select new TheoryDataRow<string, ScalarType>(set.ToString()!, dtype)];

    internal static KernelSet Named(string name) =>
        s_dtypes.SelectMany(dtype => KernelSet.All(CPU, dtype)).First(set => set.ToString() == name);

    [Fact]
    public void The_best_set_is_chosen_by_device_type_and_processor()
    {
        KernelSet best = Lanes512.IsSupported ? KernelSet.Vectors512 : Lanes256.IsSupported ? KernelSet.Vectors256
            : Lanes128.IsSupported ? KernelSet.Vectors128 : KernelSet.Cpu;
        Assert.Same(best, KernelSet.For(CPU, ScalarType.Float32));
        Assert.Equal(best == KernelSet.Cpu ? $"{best}" : $"{best}, BFloat16", KernelSet.For(CPU, ScalarType.BFloat16).ToString());
        Assert.Same(KernelSet.Torch, KernelSet.For(META, ScalarType.Float32)); // as every device that is not the CPU
        using Tensor numbers = ones([2], ScalarType.Float16);
        Assert.Same(KernelSet.Cpu, KernelSet.For(numbers));
        Assert.Equal([KernelSet.Reference, KernelSet.Torch, KernelSet.Cpu], KernelSet.All(CPU, ScalarType.Float16));
    }

    [Fact]
    public void A_thread_uses_another_set_until_it_is_done_wherever_that_set_can_compute()
    {
        KernelSet best = KernelSet.For(CPU, ScalarType.Float32);
        using (KernelSet.Use(KernelSet.Reference))
        {
            using (KernelSet.Use(KernelSet.Torch))
            {
                Assert.Same(KernelSet.Torch, KernelSet.For(CPU, ScalarType.Float32));
                KernelSet? elsewhere = null;
                var thread = new Thread(() => elsewhere = KernelSet.For(CPU, ScalarType.Float32));
                thread.Start();
                thread.Join();
                Assert.Same(best, elsewhere);
            }
            Assert.Same(KernelSet.Reference, KernelSet.For(CPU, ScalarType.Float32));
        }
        using (KernelSet.Use(KernelSet.Cpu))
        {
            Assert.Same(KernelSet.Torch, KernelSet.For(META, ScalarType.Float32));
        }
        using (KernelSet.Use(KernelSet.Vectors128))
        {
            Assert.Same(KernelSet.Cpu, KernelSet.For(CPU, ScalarType.Float16));
        }
        Assert.Same(best, KernelSet.For(CPU, ScalarType.Float32));
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Rms_norm(string set, ScalarType dtype)
    {
        foreach ((int columns, double offset) in ((int, double)[])[(7, 0), (320, 0), (100, 1)])
        {
            RmsNormOptions options = new(columns, 1e-5, offset);
            SameAsTheReference(set, dtype, (kernels, x) => kernels.RmsNorm(x[0], x[1], options), [2, 33, columns], [columns]);
            SameAsTheReference(set, dtype, (kernels, x) => kernels.RmsNorm(x[0].detach(), x[1], options), [1, columns], [columns]);
        }
        SameAsTheReference(set, dtype, (kernels, x) => kernels.RmsNorm(x[0], x[1], new(3, 1e-5, 0)), [1, 3], [3]); // less than a vector
    }

    /// <summary>A weight that 16 bits would round away when 1 is added: only x and the result are rounded, at most twice.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void The_factor_of_a_norm_around_one_is_not_rounded(string set, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        RmsNormOptions options = new(64, 1e-6, 1);
        Tensor x = randn([9, 64]).to(dtype), weight = full([64], 0.003, dtype), wide = x.to(ScalarType.Float64);
        Tensor scaled = wide * ((wide * wide).mean([-1L], keepdim: true) + 1e-6).rsqrt();
        Tensor expected = scaled * (1 + weight.to(ScalarType.Float64));
        foreach (bool isTracked in (bool[])[true, false])
        {
            Tensor norm = Named(set).RmsNorm(x.clone().requires_grad_(isTracked), weight, options).detach().to(ScalarType.Float64);
            double bias = (norm / expected).mean().ToDouble() - 1; // rounding has none
            Assert.InRange(bias, -7e-4, 7e-4);
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Rotation(string set, ScalarType dtype)
    {
        foreach ((RotaryLayout layout, int dim, int rotary) in ((RotaryLayout, int, int)[])
            [(RotaryLayout.RotateHalf, 64, 64), (RotaryLayout.RotateHalf, 40, 24), (RotaryLayout.Interleaved, 40, 36)])
        {
            using var scope = NewDisposeScope();
            Tensor angles = arange(9 * rotary / 2, ScalarType.Float32).view(1, 9, 1, -1);
            Tensor rotation = polar(ones_like(angles), angles);
            SameAsTheReference(set, dtype, (kernels, x) => kernels.Rotate(x[0], rotation, layout), [2, 9, 3, dim]);
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Gated_silu(string set, ScalarType dtype)
    {
        SameAsTheReference(set, dtype, (kernels, x) => kernels.GatedSilu(x[0], x[1]), [5, 201], [5, 201]);
        SameAsTheReference(set, dtype, (kernels, x) => kernels.GatedSilu(x[0], x[1]), [5], [5]);
        SameAsTheReference(set, dtype, (kernels, x) => kernels.GatedSilu(x[0].detach(), x[1]), [5, 201], [5, 201]);
    }

    /// <summary>Two products with one norm, each with a gradient of its own.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Products_with_what_is_computed_again(string set, ScalarType dtype)
    {
        using Tensor factor = linspace(0.5, 1.5, 40).to(dtype);
        SameAsTheReference(
            set, dtype,
            (kernels, x) =>
            {
                Recomputable normed = new(parts => kernels.RmsNorm(parts[0], factor, new(40, 1e-5, 0)), x[0]);
                return kernels.Linear(normed, x[1], x[2]) * kernels.Linear(normed, x[3], null);
            },
            [2, 9, 40], [24, 40], [24], [24, 40]);
        SameAsTheReference(
            set, dtype,
            (kernels, x) => kernels.Linear(new Recomputable(parts => kernels.GatedSilu(parts[0], parts[1]), x[0], x[1]), x[2], null),
            [3, 5, 17], [3, 5, 17], [8, 17]);
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Embedding(string set, ScalarType dtype)
    {
        using Tensor ids = tensor([3L, 0, 3, 6, 3, 1]).view(2, 3);
        SameAsTheReference(set, dtype, (kernels, x) => kernels.Embedding(x[0], ids), [7, 12]);
    }

    /// <summary>Causal, windowed, packed and cached; with few queries and with many.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void Attention(string set, ScalarType dtype)
    {
        (int Tokens, int Cached, int? Window, int[] Documents)[] cases =
        [
            (1, 0, null, []), (12, 0, null, []), (130, 0, null, []), (256, 0, null, []), (12, 0, 5, []), (130, 0, 50, []), (20, 0, 20, []),
            (1, 30, null, []), (7, 30, null, []), (60, 30, null, []), (1, 30, 9, []), (60, 100, 70, []),
            (29, 0, null, [12, 1, 16]), (120, 0, null, [50, 61, 9]), (120, 0, 20, [50, 61, 9]), (29, 0, 3, [12, 1, 16]),
        ];
        foreach ((int tokens, int cached, int? window, int[] documents) in cases)
        {
            foreach (int kvHeads in (int[])[1, 2, 4])
            {
                int queries = documents.Length == 0 ? tokens : documents.Max(), batch = documents.Length == 0 ? 2 : 1;
                SameAsTheReference(
                    set, dtype,
                    (kernels, x) => kernels.PlanAttention(queries, cached, window, documents, dtype, CPU).Attend(x[0], x[1], x[2]),
                    [batch, tokens, 4, 16], [batch, cached + tokens, kvHeads, 16], [batch, cached + tokens, kvHeads, 16]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Attention_to_rows_of_different_lengths(string set, ScalarType dtype)
    {
        using Tensor lengths = tensor([30L, 0, 11]).unsqueeze(1);
        foreach ((int tokens, int? window) in ((int, int?)[])[(1, null), (1, 9), (60, null), (60, 9), (7, 100)])
        {
            using Tensor queries = lengths + arange(tokens, ScalarType.Int64, CPU);
            foreach (int kvHeads in (int[])[1, 2, 4])
            {
                SameAsTheReference(
                    set, dtype,
                    (kernels, x) => kernels.PlanRaggedAttention(queries, 30 + tokens, window, dtype).Attend(x[0], x[1], x[2]),
                    [3, tokens, 4, 16], [3, 30 + tokens, kvHeads, 16], [3, 30 + tokens, kvHeads, 16]);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Linear_cross_entropy(string set, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        const int tokens = 21, hidden = 24, vocabulary = 201;
        Tensor states = randn([tokens, hidden], generator: generator).to(dtype);
        Tensor matrix = randn([vocabulary, hidden], generator: generator).to(dtype);
        Tensor targets = arange(tokens, ScalarType.Int64) * 9;
        foreach (bool isTrained in (bool[])[true, false])
        {
            (Tensor States, Tensor? Weight, double Total) Run(KernelSet kernels)
            {
                Parameter weight = new(matrix.clone(), requires_grad: isTrained);
                Tensor total = zeros([], ScalarType.Float64, CPU);
                Tensor gradient = kernels.LinearCrossEntropy(states, weight, targets, divisor: 40, chunk: 8, total);
                return (gradient, weight.grad, total.ToDouble());
            }
            var (expected, found) = (Run(KernelSet.Reference), Run(Named(set)));
            Near(expected.States, found.States, dtype);
            Assert.Equal(1, found.Total / expected.Total, dtype == ScalarType.Float32 ? 1e-6 : 1e-2);
            Assert.Equal(isTrained, found.Weight is not null);
            if (isTrained)
            {
                Near(expected.Weight!, found.Weight!, dtype);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Sets))]
    public void Linear_with_a_narrow_weight_and_with_a_quantized_one(string set, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        Tensor weight = randn([33, 100], generator: generator), narrow = weight.to(ScalarType.BFloat16), bias = ones(33, dtype);
        foreach (int rows in (int[])[1, 2, 9])
        {
            SameAsTheReference(set, dtype, (kernels, x) => kernels.Linear(x[0], narrow, bias), [rows, 100]);
            SameAsTheReference(set, dtype, (kernels, x) => kernels.QuantizedLinear(x[0], () => narrow.to(dtype)), [rows, 100]);
        }
    }

    [Theory]
    [InlineData("TorchKernels", 1, 1), InlineData("CpuKernels", 0, 3)]
    public void Layers_are_computed_again_where_a_graph_would_keep_unpacked_weights(string set, int never, int everyThird)
    {
        KernelSet kernels = Named(set);
        Assert.Equal((never, everyThird), (kernels.RecomputeEvery(0, () => true), kernels.RecomputeEvery(3, () => true)));
        Assert.Equal((0, 3), (kernels.RecomputeEvery(0, () => false), kernels.RecomputeEvery(3, () => false)));
    }

    /// <summary>Three updates of whole blocks and a rest.</summary>
    [Theory]
    [MemberData(nameof(Sets))]
    public void AdamW_in_8_bits(string set, ScalarType dtype)
    {
        Assert.SkipUnless(dtype == ScalarType.Float32, "weights are float32");
        using var scope = NewDisposeScope();
        Tensor[] Run(KernelSet kernels)
        {
            using var generator = new Generator(3, CPU);
            using AdamW8BitUpdate update = kernels.CreateAdamW8Bit(0.9, 0.95, 1e-8);
            float[] code = DynamicQuantizationMap.Signed, squares = DynamicQuantizationMap.Unsigned;
            using var signed = QuantizationTable.Create(code, DynamicQuantizationMap.Boundaries(code), CPU);
            using var unsigned = QuantizationTable.Create(squares, [0, .. DynamicQuantizationMap.Boundaries(squares)[1..]], CPU);
            Tensor weight = randn([13, 100], generator: generator);
            QuantizedMoment first = QuantizedMoment.Zeros(weight, signed), second = QuantizedMoment.Zeros(weight, unsigned);
            for (int step = 1; step <= 3; step++)
            {
                Tensor gradient = randn(weight.shape, generator: generator);
                update.Update(weight, gradient, first, second, new(
                    1e-2f, 0.999f, 0.5f, (float)(1 - Math.Pow(0.9, step)), (float)Math.Sqrt(1 - Math.Pow(0.95, step))));
            }
            using (first.Codes)
            using (second.Codes)
            {
                return [weight, first.Absmax, second.Absmax];
            }
        }
        foreach ((Tensor expected, Tensor found) in Run(KernelSet.Reference).Zip(Run(Named(set))))
        {
            Near(expected, found, ScalarType.Float32);
        }
    }

    /// <summary>Result and gradients with a graph, and the result without one, are the reference's in float32 arithmetic.</summary>
    /// <param name="compute">of random leaves of these shapes</param>
    private static void SameAsTheReference(string set, ScalarType dtype, Func<KernelSet, Tensor[], Tensor> compute, params long[][] shapes)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        Tensor[] values = [.. shapes.Select(shape => randn(shape, generator: generator).to(dtype))];
        Tensor[] Run(KernelSet kernels)
        {
            using IDisposable used = KernelSet.Use(kernels);
            Tensor[] leaves = [.. values.Select(value => value.detach().clone().requires_grad_())];
            Tensor result = compute(kernels, leaves);
            using var same = new Generator(7, CPU);
            CustomBackward.Rethrowing(() => result.backward([randn(result.shape, generator: same).to(result.dtype)]));
            using IDisposable noGradient = no_grad();
            return [result.detach(), compute(kernels, values), .. leaves.Select(leaf => leaf.grad ?? zeros_like(leaf))];
        }
        foreach ((Tensor expected, Tensor found) in Run(KernelSet.Reference).Zip(Run(Named(set))))
        {
            Near(expected, found, dtype);
        }
    }

    private static void Near(Tensor expected, Tensor found, ScalarType dtype)
    {
        Assert.Equal((expected.dtype, string.Join(',', expected.shape)), (found.dtype, string.Join(',', found.shape)));
        double size = Math.Max(0.05, expected.abs().max().ToDouble());
        double off = (expected.to(ScalarType.Float64) - found.to(ScalarType.Float64)).abs().max().ToDouble();
        Assert.True(off <= (dtype == ScalarType.Float32 ? 1e-5 : 3e-2) * size, $"{off} of {size}");
    }
}
