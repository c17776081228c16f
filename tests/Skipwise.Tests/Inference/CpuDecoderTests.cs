using System.Runtime.Intrinsics;
using Skipwise.Inference;
using Skipwise.Kernels;
using Skipwise.Kernels.Decoding;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Rope;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Inference;

/// <summary>Decoding on raw memory against libtorch's operations, as whole vectors of logits.</summary>
public class CpuDecoderTests
{
    private const double Tolerance = 1e-4; // of the largest logit

    private static readonly int[] s_lengths = [1, 255, 17, 700, 254, 256, 3];

    private static readonly Dictionary<string, Func<DecoderConfig, DecoderConfig>> s_models = new()
    {
        ["Llama"] = config => config,
        ["multi-head"] = config => config with { NumKeyValueHeads = 4 },
        ["eight queries of a key"] = config => config with { NumAttentionHeads = 8, NumKeyValueHeads = 1, HeadDim = 64 },
        ["seven queries of a key"] = config => config with { NumAttentionHeads = 14, NumKeyValueHeads = 2, HeadDim = 16 },
        ["heads of 80"] = config => config with { HeadDim = 80, HiddenSize = 70, IntermediateSize = 101 },
        ["heads of 6"] = config => config with { HeadDim = 6, HiddenSize = 19, IntermediateSize = 3, VocabSize = 47 },
        ["Qwen2"] = config => config with { AttentionBias = true, SlidingWindow = 5, FirstSlidingLayer = 1, TieWordEmbeddings = true },
        ["a window of 300"] = config => config with { SlidingWindow = 300 },
        ["Qwen3"] = config => config with { QueryKeyNorm = true, HeadDim = 32 },
        ["Gemma"] = config => config with
        {
            Norm = NormKind.RmsUnitOffset,
            Activation = Activation.GeluTanh,
            EmbeddingScale = Math.Sqrt(32),
            TieWordEmbeddings = true,
            QueryKeyNorm = true,
        },
        ["GPT-NeoX"] = config => config with
        {
            Norm = NormKind.Layer,
            Residual = ResidualKind.Parallel,
            Activation = Activation.Gelu,
            GatedFeedForward = false,
            AttentionBias = true,
            AttentionOutputBias = true,
            MlpBias = true,
            RotaryDim = 4,
            NormEps = 1e-5,
        },
        ["GPT-J"] = config => config with
        {
            Norm = NormKind.Layer,
            Residual = ResidualKind.ParallelSharedNorm,
            Activation = Activation.GeluTanh,
            GatedFeedForward = false,
            MlpBias = true,
            HeadBias = true,
            RotaryDim = 6,
            RotaryLayout = RotaryLayout.Interleaved,
        },
        ["interleaved heads of 64"] = config => config with { HeadDim = 64, RotaryLayout = RotaryLayout.Interleaved },
        ["heads of 96 in a window"] = config => config with { HeadDim = 96, SlidingWindow = 300 },
        ["a part of heads of 64"] = config => config with { HeadDim = 64, RotaryDim = 48, MlpBias = true },
        ["a tied head with a bias"] = config => config with { TieWordEmbeddings = true, HeadBias = true },
        ["Baichuan2"] = config => config with { NormalizedHead = true },
        ["gated GELU"] = config => config with { Activation = Activation.Gelu, IntermediateSize = 77 },
        ["YaRN"] = config => config with { Rope = TinyModel.Rope(RopeType.Yarn, 64) },
        ["dynamic NTK"] = config => config with { Rope = TinyModel.Rope(RopeType.DynamicNtk, 64) },
        ["longrope"] = config => config with { Rope = TinyModel.Rope(RopeType.LongRope, 64) },
    };

    private static readonly Dictionary<string, DecodeKernels?> s_widths = new()
    {
        ["512"] = Lanes512.IsSupported ? new VectorDecodeKernels<Lanes512, Vector512<float>>() : null,
        ["256"] = Lanes256.IsSupported ? new VectorDecodeKernels<Lanes256, Vector256<float>>() : null,
        ["128"] = new VectorDecodeKernels<Lanes128, Vector128<float>>(),
    };

    private static readonly string[] s_wholeBlocks =
        ["eight queries of a key", "Qwen3", "interleaved heads of 64", "heads of 96 in a window"];

    public static TheoryData<string> Models => [.. s_models.Keys];

    public static TheoryData<string> Widths => [.. s_widths.Where(width => width.Value is not null).Select(width => width.Key)];

    [Theory]
    [MemberData(nameof(Models))]
    public void Logits_are_those_of_the_model(string name)
    {
        using CausalLM model = Create(s_models[name]);
        Compare(model, Tolerance);
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Every_width_of_vectors_computes_the_same(string width)
    {
        foreach (string name in (string[])["Llama", "heads of 80", "eight queries of a key", "GPT-NeoX", "GPT-J", "gated GELU"])
        {
            using CausalLM model = Create(s_models[name]);
            Compare(model, Tolerance, s_widths[width]);
            using CausalLM half = Create(config => s_models[name](config) with { IntermediateSize = 64 });
            Store(half, ScalarType.BFloat16);
            Compare(half, Tolerance, s_widths[width]);
            using CausalLM other = Create(config => s_models[name](config) with { IntermediateSize = 64 });
            Store(other, ScalarType.Float16);
            Compare(other, Tolerance, s_widths[width]);
        }
    }

    [Theory]
    [InlineData(8, "512"), InlineData(8, "256"), InlineData(8, "128")]
    [InlineData(4, "512"), InlineData(4, "256"), InlineData(4, "128")]
    public void Quantized_weights_are_read_as_they_are(int bits, string width)
    {
        Assert.SkipWhen(s_widths[width] is null, "this processor has no vectors of that width");
        using CausalLM model = Create(config => config with { HiddenSize = 48, IntermediateSize = 112, MlpBias = true });
        foreach ((_, Projection projection) in LoraInjector.Projections(model))
        {
            projection.Quantize(bits);
        }
        Compare(model, Tolerance, s_widths[width]);
    }

    /// <summary>To the bit: alone or beside others, on one thread or several.</summary>
    [Theory]
    [InlineData("Llama", ScalarType.Float32), InlineData("eight queries of a key", ScalarType.BFloat16)]
    [InlineData("heads of 80", ScalarType.Float16), InlineData("GPT-NeoX", ScalarType.Float32)]
    [InlineData("a window of 300", ScalarType.Float32)]
    [InlineData("heads of 96 in a window", ScalarType.Float32, ScalarType.Int8)]
    [InlineData("eight queries of a key", ScalarType.BFloat16, ScalarType.Int8)]
    public void A_row_does_not_depend_on_the_batch(string name, ScalarType type, ScalarType pages = ScalarType.Float32)
    {
        using CausalLM model = Create(s_models[name]);
        Store(model, type);
        KvPageLayout layout = new(model.Config, pages);
        using PagedTexts texts = new(model, layout, s_lengths, steps: 1);
        int[] ids = TinyModel.Tokens(9, s_lengths.Length, 40);
        DecodeRow[] rows = texts.Rows(ids);
        float[][] alone = [.. rows.Select(row => Logits(model, layout, [row], threads: 1)[0])];
        foreach (int threads in (int[])[1, 2, 5])
        {
            foreach (DecodeRow[] batch in (DecodeRow[][])[rows, [.. rows.Reverse()], [.. rows.Take(2)], [.. rows.Skip(1)]])
            {
                float[][] together = Logits(model, layout, batch, threads);
                Assert.All(batch.Zip(together), pair => Assert.Equal(alone[Array.IndexOf(rows, pair.First)], pair.Second));
            }
        }
    }

    [Theory]
    [InlineData(ScalarType.Float16, 2e-3), InlineData(ScalarType.BFloat16, 1.5e-2)]
    public void Keys_and_values_may_have_16_bits(ScalarType type, double tolerance)
    {
        foreach (string name in (string[])["Llama", "eight queries of a key", "heads of 80", "a window of 300"])
        {
            using CausalLM model = Create(s_models[name]);
            Compare(model, tolerance, type: type);
        }
    }

    /// <summary>Against a cache of exact keys and values, for every width of vectors and head dimension.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Keys_and_values_may_have_8_bits(string width)
    {
        foreach (string name in s_wholeBlocks)
        {
            using CausalLM model = Create(config => s_models["Llama"](config) with { HeadDim = 32 });
            Compare(model, 2e-2, s_widths[width], ScalarType.Int8);
            using CausalLM other = Create(s_models[name]);
            Compare(other, 2e-2, s_widths[width], ScalarType.Int8);
        }
    }

    /// <summary>The reference reads the same pages: it dequantizes all rows, and libtorch attends to them.</summary>
    [Theory]
    [MemberData(nameof(Widths))]
    public void Keys_and_values_of_8_bits_are_read_as_they_are(string width)
    {
        foreach (string name in s_wholeBlocks)
        {
            using CausalLM model = Create(s_models[name]);
            using IDisposable used = KernelSet.Use(KernelSet.Reference);
            KvPageLayout layout = new(model.Config, ScalarType.Int8);
            using PagedTexts texts = new(model, layout, s_lengths, steps: 2);
            using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout, threads: 2, s_widths[width])!;
            using PagedCache cache = new(model);
            using TorchDecodeStep reference = new(model, cache);
            float[] logits = new float[s_lengths.Length * model.Config.VocabSize];
            for (int step = 0; step < 2; step++)
            {
                DecodeRow[] rows = texts.Rows(TinyModel.Tokens((ulong)step + 70, s_lengths.Length, model.Config.VocabSize));
                float[] expected = [.. reference.Run(rows).data<float>()];
                decoder.Step(rows, logits);
                double largest = expected.Max(Math.Abs);
                Assert.All(expected.Zip(logits), pair => Assert.InRange(Math.Abs(pair.First - pair.Second) / largest, 0, 1e-3));
                texts.Texts.ForEach(text => text.Advance(1));
            }
        }
    }

    [Fact]
    public void Weights_stay_the_same_on_large_pages()
    {
        using CausalLM model = Create(config => config with { HiddenSize = 24, AttentionBias = true }), same = Create(
            config => config with { HiddenSize = 24, AttentionBias = true });
        Store(model, ScalarType.BFloat16);
        Store(same, ScalarType.BFloat16);
        LargePages.Move([.. model.parameters().Where(parameter => parameter.dim() == 2)]);
        Assert.All(model.parameters().Zip(same.parameters()), pair =>
        {
            Assert.Equal((pair.Second.dtype, pair.Second.requires_grad), (pair.First.dtype, pair.First.requires_grad));
            Assert.Equal(0, ParityCase.LargestDifference(pair.First, pair.Second));
        });
        Compare(model, Tolerance);
    }

    [Fact]
    public void A_decoder_takes_steps_of_any_size()
    {
        using CausalLM model = Create(config => config);
        KvPageLayout layout = new(model.Config, ScalarType.Float32);
        using PagedTexts texts = new(model, layout, s_lengths, steps: 1);
        DecodeRow[] rows = texts.Rows(TinyModel.Tokens(9, s_lengths.Length, 40));
        using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout, 2)!;
        foreach (int count in (int[])[1, 7, 2, 7])
        {
            float[] logits = new float[count * TinyModel.Vocabulary];
            decoder.Step(rows.AsSpan(0, count), logits);
            Assert.Equal(Logits(model, layout, rows[..count], 1).SelectMany(row => row), logits);
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        decoder.Step(rows, new Span<float>(s_logits));
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static readonly float[] s_logits = new float[s_lengths.Length * TinyModel.Vocabulary];

    [Fact]
    public void A_step_refuses_what_it_cannot_compute()
    {
        using CausalLM model = Create(config => config);
        KvPageLayout layout = new(model.Config, ScalarType.Float32);
        using PagedTexts texts = new(model, layout, [3], steps: 1);
        using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout)!;
        float[] logits = new float[TinyModel.Vocabulary];
        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Step(texts.Rows([TinyModel.Vocabulary]), logits));
        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Step(texts.Rows([-1]), logits));
        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Step(texts.Rows([1]), logits.AsSpan(1)));
        Assert.Throws<ArgumentOutOfRangeException>(() => decoder.Step([], logits));
    }

    [Fact]
    public void Other_models_are_left_to_libtorch()
    {
        using CausalLM adapted = Create(config => config), wide = Create(config => config), odd = Create(config => config);
        LoraInjector.Apply(adapted, new LoraOptions { Rank = 2 }, seed: 1);
        Store(wide, ScalarType.Float64);
        LoraInjector.Projections(odd).First().Projection.Quantize(8);
        Assert.NotNull(Created(odd, ScalarType.Float32)); // rows of 32
        Assert.Null(Created(adapted, ScalarType.Float32));
        Assert.Null(Created(wide, ScalarType.Float32));
        Assert.Null(Created(odd, ScalarType.Float64));
        using CausalLM ragged = Create(config => config with { HiddenSize = 24 });
        LoraInjector.Projections(ragged).First().Projection.Quantize(4);
        Assert.Null(Created(ragged, ScalarType.Float32));
    }

    private static string? Created(CausalLM model, ScalarType pages)
    {
        using CpuDecoder? decoder = CpuDecoder.TryCreate(model, new KvPageLayout(model.Config, pages));
        return decoder?.ToString();
    }

    /// <summary>Several steps of texts of different lengths, across the borders of pages.</summary>
    private static void Compare(
        CausalLM model, double tolerance, DecodeKernels? kernels = null, ScalarType type = ScalarType.Float32)
    {
        const int steps = 4;
        using IDisposable used = KernelSet.Use(KernelSet.Reference), noGradient = no_grad();
        KvPageLayout layout = new(model.Config, type);
        using PagedTexts texts = new(model, layout, s_lengths, steps);
        using CpuDecoder? decoder = CpuDecoder.TryCreate(model, layout, threads: 2, kernels);
        Assert.NotNull(decoder);
        (int count, int vocabulary) = (s_lengths.Length, model.Config.VocabSize);
        float[] logits = new float[count * vocabulary];
        for (int step = 0; step < steps; step++)
        {
            int[] ids = TinyModel.Tokens((ulong)step + 50, count, vocabulary);
            decoder.Step(texts.Rows(ids), logits);
            for (int row = 0; row < count; row++)
            {
                float[] expected = texts.Append(row, [ids[row]]);
                double largest = expected.Max(Math.Abs);
                Assert.True(largest > 0.1);
                Assert.All(expected.Zip(logits.Skip(row * vocabulary)), pair =>
                    Assert.InRange(Math.Abs(pair.First - pair.Second) / largest, 0, tolerance));
                texts.Texts[row].Advance(1);
            }
        }
    }

    private static float[][] Logits(CausalLM model, KvPageLayout layout, DecodeRow[] rows, int threads)
    {
        using CpuDecoder decoder = CpuDecoder.TryCreate(model, layout, threads)!;
        float[] logits = new float[rows.Length * model.Config.VocabSize];
        decoder.Step(rows, logits);
        return [.. logits.Chunk(model.Config.VocabSize)];
    }

    /// <summary>A model in which norms and biases count too.</summary>
    private static CausalLM Create(Func<DecoderConfig, DecoderConfig> change)
    {
        CausalLM model = TinyModel.Create(change: config => change(config with { MaxPositionEmbeddings = 1024 }));
        using IDisposable noGradient = no_grad();
        var rng = new KeyedRandom(5, stream: 3);
        foreach (Parameter parameter in model.parameters().Where(parameter => parameter.dim() == 1))
        {
            using var scope = NewDisposeScope();
            float[] noise = new float[parameter.numel()];
            for (int i = 0; i < noise.Length; i++)
            {
                noise[i] = (float)(rng.NextDouble() - 0.5);
            }
            parameter.add_(tensor(noise));
        }
        return model;
    }

    /// <summary>Stores the matrices in another type; norms and biases stay, and with them the type of the computation.</summary>
    private static void Store(CausalLM model, ScalarType type)
    {
        using IDisposable noGradient = no_grad();
        foreach (Parameter parameter in model.parameters().Where(parameter => parameter.dim() == 2 && parameter.dtype != type))
        {
            using var scope = NewDisposeScope();
            ParameterData.Set(parameter, parameter.detach().to(type));
        }
    }
}
