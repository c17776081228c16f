using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training.Optimizers;

[Collection(nameof(AloneInTheProcess))]
public class OptimizerTests
{
    private static readonly AdamWOptions s_options = new(0.9, 0.95, 1e-8, WeightDecay: 0.1);

    /// <summary>Five steps with clipping, on a model whose head has whole blocks and a rest.</summary>
    [Theory]
    [InlineData(OptimizerKind.Adamw, true), InlineData(OptimizerKind.Adamw8bit, true), InlineData(OptimizerKind.Adamw8bit, false),
        InlineData(OptimizerKind.Adafactor, true)]
    public void Every_optimizer_is_its_definition(OptimizerKind kind, bool fuses)
    {
        const double rate = 1e-2, maxNorm = 0.5;
        using IDisposable? plain = fuses ? null : KernelSet.Use(KernelSet.Reference);
        using CausalLM model = TinyModel.Create(vocabulary: 201, initializerRange: 0.05);
        using var masters = MasterWeights.Create(model);
        using Optimizer optimizer = Optimizer.Create(model, new TrainOptions { Optimizer = kind, AdamW = s_options }, masters);
        double[] Numbers(Tensor tensor) => [.. tensor.detach().flatten().data<float>().ToArray().Select(x => (double)x)];
        var references = model.named_parameters().ToDictionary(p => p.name, p => new NaiveOptimizers.ReferenceWeight(
            Numbers(p.parameter), p.parameter.dim() == 2 ? (int)p.parameter.size(1) : 0,
            kind == OptimizerKind.Adamw8bit && p.name.StartsWith("lm_head", StringComparison.Ordinal)));
        double[] Held(string kind, string name, float[] code)
        {
            Tensor State(string part) => optimizer.State().Single(state => state.Name == $"{kind}.{part}.{name}").Value;
            float[] scales = State("scale").data<float>().ToArray();
            return [.. State("code").data<byte>().ToArray().Select((number, i) => (double)code[number] * scales[i / AdamW8Bit.BlockSize])];
        }

        var cursor = new ExampleCursor(new RandomExamples(20, 10, 10));
        for (int step = 1; step <= 5; step++)
        {
            using var scope = NewDisposeScope();
            using Batch batch = Batch.Padded(cursor.Take(3), CPU);
            CausalLoss.Backward(model, batch, 20);
            var gradients = model.named_parameters().ToDictionary(p => p.name, p => Numbers(p.parameter.grad!));
            double norm = Math.Sqrt(gradients.Values.Sum(g => g.Sum(x => x * x))), clip = Math.Min(1, maxNorm / (norm + 1e-6));
            Assert.Equal(norm, optimizer.ClipAndStep(rate, maxNorm), 1e-5 * norm);
            foreach ((string name, var parameter) in model.named_parameters())
            {
                double[] gradient = [.. gradients[name].Select(x => x * clip)];
                if (kind == OptimizerKind.Adafactor)
                {
                    NaiveOptimizers.Adafactor(references[name], gradient, s_options, rate, step);
                }
                else
                {
                    NaiveOptimizers.AdamW(references[name], gradient, s_options, rate, step,
                        references[name].IsQuantized
                            ? (Held("exp_avg", name, DynamicQuantizationMap.Signed),
                                Held("exp_avg_sq", name, DynamicQuantizationMap.Unsigned)) : ([], []));
                }
                double off = Numbers(parameter).Zip(references[name].Weight).Max(pair => Math.Abs(pair.First - pair.Second));
                Assert.True(off <= 1e-5, $"step {step}, {name}: {off}");
            }
        }
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw, 8.0), InlineData(OptimizerKind.Adamw8bit, 2.4), InlineData(OptimizerKind.Adafactor, 0.1)]
    public void They_learn_alike_and_keep_less(OptimizerKind kind, double bytesPerWeight)
    {
        double adamw = Train(OptimizerKind.Adamw, out _, out _), loss = Train(kind, out double perWeight, out double first);
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{kind}: loss {first:0.000} -> {loss:0.0000} (adamw {adamw:0.0000}), {perWeight:0.000} bytes per weight");
        Assert.InRange(perWeight, 0, bytesPerWeight);
        Assert.True(adamw < 0.7 * first, $"{first} -> {adamw}");
        Assert.InRange(loss / adamw, kind == OptimizerKind.Adafactor ? 0.5 : 0.98, kind == OptimizerKind.Adafactor ? 1.1 : 1.02);
    }

    /// <summary>bitsandbytes quantizes what has at least min_8bit_size elements.</summary>
    [Theory]
    [InlineData(127, false), InlineData(128, true)]
    public void A_moment_of_8_bits_needs_4096_elements(int vocabulary, bool isQuantized)
    {
        using CausalLM model = TinyModel.Create(vocabulary: vocabulary);
        Assert.Equal(vocabulary * 32, model.HeadWeight.numel());
        using var optimizer = new AdamW8Bit(model, s_options);
        IEnumerable<string> states = optimizer.State().Select(state => state.Name);
        Assert.Equal(isQuantized, states.Any(name => name.StartsWith("exp_avg.code.lm_head", StringComparison.Ordinal)));
    }

    [Fact]
    public void Codes_are_the_dynamic_ones()
    {
        Assert.All((float[][])[DynamicQuantizationMap.Signed, DynamicQuantizationMap.Unsigned], code =>
        {
            Assert.Equal(256, code.Length);
            Assert.Equal(code.Order(), code);
            Assert.Equal(256, code.Distinct().Count());
            Assert.Contains(0, code);
            Assert.Equal(1, code[^1]);
        });
        Assert.Equal(0, DynamicQuantizationMap.Unsigned[0]);
        // 0 and 1 besides, every magnitude has its negative; the highest decade has 64 steps, without a sign 128
        Assert.Equal(DynamicQuantizationMap.Signed.Where(c => c is > 0 and < 1),
            DynamicQuantizationMap.Signed.Where(c => c < 0).Select(c => -c).Reverse());
        Assert.Equal((64, 128),
            (DynamicQuantizationMap.Signed.Count(c => c is > 0.1f and < 1),
                DynamicQuantizationMap.Unsigned.Count(c => c is > 0.1f and < 1)));
        Assert.Equal((0.55e-6f, 0.1f + (0.9f * 63.5f / 64)),
            (DynamicQuantizationMap.Signed.First(c => c > 0), DynamicQuantizationMap.Signed[^2]));
    }

    /// <summary>Every number's code is the bin's guess or the next.</summary>
    [Theory]
    [InlineData(true), InlineData(false)]
    public void No_bin_holds_two_boundaries(bool isSigned)
    {
        float[] bounds = DynamicQuantizationMap.Boundaries(isSigned ? DynamicQuantizationMap.Signed : DynamicQuantizationMap.Unsigned);
        int[] guesses = DynamicQuantizationMap.BinLookup(bounds);
        Assert.Equal(1 << 16, guesses.Length);
        var rng = new KeyedRandom(1, 0, 0);
        IEnumerable<float> numbers = Enumerable.Range(0, 20000)
            .Select(_ => (float)(Math.Pow(10, -9 * rng.NextDouble()) * (isSigned && rng.Chance(0.5) ? -1 : 1)));
        foreach (float x in numbers.Concat(bounds.SkipLast(1).SelectMany(b => new[] { float.BitDecrement(b), b, float.BitIncrement(b) }))
            .Concat([0, -0f, 1, float.Epsilon, 1e-40f]))
        {
            int guess = guesses[BitConverter.SingleToUInt32Bits(x) >> DynamicQuantizationMap.BinShift];
            Assert.Equal(bounds.Count(b => b < x), guess + (x > bounds[guess] ? 1 : 0));
        }
    }

    /// <summary>Numbers of many sizes, some rows and a part of a block of them; a block without a gradient, and one with a tiny
    /// one.</summary>
    [Theory]
    [InlineData(1), InlineData(3)]
    public void One_pass_of_8_bit_AdamW_finds_what_several_find(int threads)
    {
        int before = get_num_threads();
        using var scope = NewDisposeScope();
        try
        {
            set_num_threads(threads);
            (Tensor[] inOne, Tensor[] inSeveral) = (Steps(fuses: true), Steps(fuses: false));
            foreach ((Tensor one, Tensor several) in inOne.Zip(inSeveral))
            {
                using Tensor off = (one.to(ScalarType.Float64) - several.to(ScalarType.Float64)).abs();
                if (one.dtype == ScalarType.Byte)
                {
                    Assert.True(off.max().ToDouble() <= 1); // where two codes are equally near
                    Assert.True(off.sum().ToDouble() <= 1e-4 * one.numel(), $"{off.sum().ToDouble()} of {one.numel()} codes");
                }
                else
                {
                    Assert.True(off.max().ToDouble() <= 2e-5 * Math.Max(1e-3, several.abs().max().ToDouble()), $"{off.max().ToDouble()}");
                }
            }
        }
        finally
        {
            set_num_threads(before);
        }

        static Tensor[] Steps(bool fuses)
        {
            using IDisposable? plain = fuses ? null : KernelSet.Use(KernelSet.Reference);
            using CausalLM model = TinyModel.Create(vocabulary: 2003, initializerRange: 0.05);
            using var masters = MasterWeights.Create(model);
            using Optimizer optimizer =
                Optimizer.Create(model, new TrainOptions { Optimizer = OptimizerKind.Adamw8bit, AdamW = s_options }, masters);
            using var generator = new Generator(3, CPU);
            for (int step = 0; step < 4; step++)
            {
                using var each = NewDisposeScope();
                foreach (var parameter in model.parameters())
                {
                    Tensor gradient =
                        randn(parameter.shape, generator: generator) * exp(3 * randn(parameter.shape, generator: generator)) * 1e-4;
                    if (gradient.numel() >= AdamW8Bit.Min8BitSize)
                    {
                        gradient.view(-1)[..256].zero_();
                        gradient.view(-1)[256..512].mul_(1e-12);
                    }
                    parameter.grad = gradient;
                }
                optimizer.ClipAndStep(1e-2, 0);
            }
            return [.. optimizer.State().Select(state => state.Value.clone()), .. model.parameters().Select(p => p.detach().clone())];
        }
    }

    /// <summary>Two optimizers, each over every other parameter, and one over all: the same weights, and no state twice.</summary>
    [Theory]
    [InlineData(OptimizerKind.Adamw, false), InlineData(OptimizerKind.Adamw8bit, false), InlineData(OptimizerKind.Adafactor, false),
        InlineData(OptimizerKind.Adamw, true), InlineData(OptimizerKind.Adamw8bit, true), InlineData(OptimizerKind.Adafactor, true)]
    public void Optimizers_of_parts_step_as_one_of_all(OptimizerKind kind, bool isNarrow)
    {
        const double rate = 1e-2, maxNorm = 0.5;
        var options = new TrainOptions { Optimizer = kind, AdamW = s_options };
        using CausalLM whole = TinyModel.Create(vocabulary: 201, initializerRange: 0.05),
            halved = TinyModel.Create(vocabulary: 201, initializerRange: 0.05);
        MasterWeights Masters(CausalLM model) =>
            MasterWeights.Create(model, isNarrow ? ScalarType.BFloat16 : ScalarType.Float32, CPU, offload: false);
        using MasterWeights masters = Masters(whole), shared = Masters(halved);
        string[] names = [.. halved.named_parameters().Select(p => p.name)];
        using Optimizer all = Optimizer.Create(whole, options, masters),
            even = Optimizer.Create(halved, options, shared, name => Array.IndexOf(names, name) % 2 == 0),
            odd = Optimizer.Create(halved, options, shared, name => Array.IndexOf(names, name) % 2 != 0),
            none = Optimizer.Create(halved, options, shared, _ => false);
        Optimizer[] parts = [even, odd, none];

        var cursor = new ExampleCursor(new RandomExamples(20, 10, 10));
        for (int step = 1; step <= 4; step++)
        {
            using var scope = NewDisposeScope();
            for (int micro = 0; micro < 2; micro++)
            {
                using Batch batch = Batch.Padded(cursor.Take(3), CPU);
                CausalLoss.Backward(whole, batch, 40);
                CausalLoss.Backward(halved, batch, 40);
                all.AccumulateGradients();
                foreach (Optimizer part in parts)
                {
                    part.AccumulateGradients();
                }
            }
            double squares = parts.Sum(part => part.SumOfSquares().ToDouble());
            Assert.Equal(all.GradientNorm().ToDouble(), Math.Sqrt(squares), 1e-6 * Math.Sqrt(squares));
            Assert.True(Math.Sqrt(squares) > maxNorm);
            Assert.True(even.GradientNorm().ToDouble() < Math.Sqrt(squares));
            double norm = all.ClipAndStep(rate, maxNorm, squares);
            foreach (Optimizer part in parts)
            {
                Assert.Equal(norm, part.ClipAndStep(rate, maxNorm, squares));
            }
            foreach ((var expected, var actual) in whole.parameters().Zip(halved.parameters()))
            {
                Assert.True(expected.equal(actual).all().ToBoolean());
            }
        }
        var kept = even.State().Concat(odd.State()).ToDictionary(state => state.Name, state => state.Value);
        Assert.Empty(none.State());
        Assert.Equal(all.StateBytes, even.StateBytes + odd.StateBytes);
        Assert.All(all.State(), state => Assert.True(state.Value.equal(kept[state.Name]).all().ToBoolean(), state.Name));
        Assert.All(masters.Entries.Zip(shared.Entries), pair => Assert.True(pair.First.Master.equal(pair.Second.Master).all().ToBoolean()));
    }

    [Fact]
    public void A_norm_that_is_not_finite_stops_every_part()
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        using var optimizer = new FusedAdamW(model, s_options, owns: name => name == "model.norm.weight");
        using var scope = NewDisposeScope();
        foreach (var parameter in model.parameters())
        {
            parameter.grad = ones_like(parameter);
        }
        Tensor before = model.HeadWeight.detach().clone(), norm = model.get_parameter("model.norm.weight")!;
        Tensor normBefore = norm.detach().clone();
        Assert.Equal(model.Config.HiddenSize, optimizer.SumOfSquares().ToDouble(), 1e-5);
        Assert.Equal(double.PositiveInfinity, optimizer.ClipAndStep(1e-2, 1, double.PositiveInfinity));
        Assert.True(norm.equal(normBefore).all().ToBoolean());
        Assert.Null(norm.grad);
        Assert.NotNull(model.HeadWeight.grad); // another's
        norm.grad = ones_like(norm);
        optimizer.ClipAndStep(1e-2, 1, 4);
        Assert.False(norm.equal(normBefore).any().ToBoolean());
        Assert.True(model.HeadWeight.equal(before).all().ToBoolean());
    }

    private static double Train(OptimizerKind kind, out double bytesPerWeight, out double first)
    {
        using var model = new CausalLM(new DecoderConfig
        {
            VocabSize = TinyModel.Vocabulary,
            HiddenSize = 96,
            IntermediateSize = 192,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = 24,
            MaxPositionEmbeddings = 128,
            InitializerRange = 0.05,
            Rope = new(),
        });
        WeightInit.Initialize(model, 1);
        using var masters = MasterWeights.Create(model);
        var options =
            new TrainOptions { Optimizer = kind, Steps = 40, BatchSize = 8, LearningRate = 1e-3, WarmupSteps = 10, AdamW = s_options };
        using Optimizer optimizer = Optimizer.Create(model, options, masters);
        bytesPerWeight = (double)optimizer.StateBytes / model.parameters().Sum(p => p.numel());
        StepMetrics[] steps = [.. TrainLoop.Run(model, optimizer, new Repeated(8), options)];
        first = steps[0].Loss;
        return steps[^5..].Average(step => step.Loss);
    }

    /// <summary>A few examples again and again: what can be learned.</summary>
    private sealed class Repeated(int count) : IExampleSource
    {
        private readonly RandomExamples _examples = new(count, 16, 16);

        public int Count => count;

        public TrainingExample this[int epoch, int index] => _examples[0, index];
    }
}
