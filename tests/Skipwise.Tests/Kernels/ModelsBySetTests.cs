using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Tests.Training;
using Skipwise.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>Whole models by every set that this machine has, against the reference.</summary>
public class ModelsBySetTests
{
    internal static readonly string[] Kinds =
        ["llama", "tied", "around one", "sliding", "layer norm", "lora", "lora 4 bits", "normalized head"];

    private static IEnumerable<string> Sets => KernelSet.All(CPU, ScalarType.Float32).Skip(1).Select(set => set.ToString()!);

    public static TheoryData<string, string> SetsAndModels => [..
        from set in Sets
        from kind in Kinds
        select new TheoryDataRow<string, string>(set, kind)];

    public static TheoryData<string, string> Bfloat16SetsAndModels => [..
        from set in KernelSet.All(CPU, ScalarType.BFloat16).Skip(1)
        from kind in (string[])["llama", "tied", "around one", "sliding", "layer norm"]
        select new TheoryDataRow<string, string>(set.ToString()!, kind)];

    public static TheoryData<string, string, int> SetsAndChunks => [..
        from set in Sets
        from kind in (string[])["llama", "sliding"]
        from chunk in (int[])[1, 5, 60]
        select new TheoryDataRow<string, string, int>(set, kind, chunk)];

    [Theory]
    [MemberData(nameof(SetsAndModels))]
    public void Loss_and_gradients_are_those_of_the_reference(string set, string kind)
    {
        foreach (bool isPacked in (bool[])[false, true])
        {
            using CausalLM plain = Create(kind), there = Create(kind);
            double expected = LossBy(KernelSet.Reference, plain, isPacked), found = LossBy(KernelSetTests.Named(set), there, isPacked);
            Assert.Equal(1, found / expected, 1e-6);
            Same(plain, there, 1e-5);
        }
    }

    /// <summary>A forward and backward in bfloat16 is that of the same weights in float32 by the reference, within its rounding.</summary>
    [Theory]
    [MemberData(nameof(Bfloat16SetsAndModels))]
    public void In_bfloat16_loss_and_gradients_are_near_those_of_float32(string set, string kind)
    {
        foreach (bool isPacked in (bool[])[false, true])
        {
            using CausalLM plain = Create(kind), there = Create(kind);
            using MasterWeights masters = MasterWeights.Create(there, ScalarType.BFloat16, CPU, offload: false);
            using (no_grad())
            {
                foreach (((_, var one), (_, var other)) in plain.named_parameters().Zip(there.named_parameters()))
                {
                    one.copy_(other);
                }
            }
            double expected = LossBy(KernelSet.Reference, plain, isPacked), found = LossBy(KernelSetTests.Named(set), there, isPacked);
            Assert.Equal(1, found / expected, 1e-3);
            Same(plain, there, 5e-2); // libtorch's own kernels in bfloat16 are off by 3e-2
        }
    }

    /// <summary>A sequence read through a cache, and its tokens one by one, against the whole row by the reference.</summary>
    [Theory]
    [MemberData(nameof(SetsAndChunks))]
    public void Cached_tokens_get_the_states_of_the_whole_row(string set, string kind, int chunk)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using CausalLM model = Create(kind);
        int tokens = Math.Max(20, 2 * chunk);
        Tensor ids = tensor(TinyModel.Tokens(1, 2 * tokens).Select(id => (long)id).ToArray()).view(2, tokens);
        Tensor States(KvCache? cache, int from, int count)
        {
            using Rotary rotary = model.RotaryFor(arange(from, from + count).unsqueeze(0), tokens);
            return model.HiddenStates(ids.narrow(1, from, count), rotary, cache);
        }
        Tensor expected;
        using (KernelSet.Use(KernelSet.Reference))
        {
            expected = States(null, 0, tokens);
        }
        using IDisposable used = KernelSet.Use(KernelSetTests.Named(set));
        using var cache = new KvCache(model.Config, 2, tokens, ScalarType.Float32, CPU);
        Tensor found = cat([.. Enumerable.Range(0, tokens / chunk).Select(i => States(cache, i * chunk, chunk))], 1);
        Assert.True(found.allclose(expected, rtol: 1e-4, atol: 1e-5), $"{(found - expected).abs().max().ToDouble()}");
    }

    internal static CausalLM Create(string kind)
    {
        DecoderConfig config = TinyModel.Config(tied: kind == "tied") with { InitializerRange = 0.05 };
        var model = new CausalLM(kind switch
        {
            "around one" => config with { Norm = NormKind.RmsUnitOffset, EmbeddingScale = 5, Activation = Activation.GeluTanh },
            "sliding" => config with { SlidingWindow = 3, FirstSlidingLayer = 1 },
            "layer norm" => config with { Norm = NormKind.Layer, GatedFeedForward = false, HeadBias = true },
            "normalized head" => config with { NormalizedHead = true, ZLossWeight = 1e-2 },
            _ => config,
        });
        WeightInit.Initialize(model, 1);
        if (kind.StartsWith("lora", StringComparison.Ordinal))
        {
            var options = new LoraOptions { Rank = 3, Dropout = 0.3, TargetModules = [LoraOptions.AllLinear], TrainNorms = true };
            LoraInjector.Apply(model, options with { TrainEmbeddings = true, QuantizationBits = kind == "lora" ? null : 4 }, seed: 5);
            using IDisposable noGradient = no_grad();
            foreach (var update in LoraInjector.LoraWeights(model))
            {
                update.B.fill_(0.1);
            }
        }
        return model;
    }

    private static double LossBy(KernelSet kernels, CausalLM model, bool isPacked)
    {
        using IDisposable used = KernelSet.Use(kernels);
        return Loss(model, isPacked);
    }

    private static double Loss(CausalLM model, bool isPacked)
    {
        using var scope = NewDisposeScope();
        TrainingExample[] examples = new ExampleCursor(new RandomExamples(10, 5, 24)).Take(4);
        using Batch batch = isPacked ? Batch.Packed(examples, CPU) : Batch.Padded(examples, CPU);
        using IDisposable dropout = model.Dropout.ForMicroBatch(7);
        return CausalLoss.Backward(model, batch, 40).ToDouble();
    }

    /// <param name="tolerance">of the largest element of each parameter's gradient</param>
    private static void Same(CausalLM expected, CausalLM found, double tolerance)
    {
        using var scope = NewDisposeScope();
        foreach (((string name, var one), (_, var other)) in expected.named_parameters().Zip(found.named_parameters()))
        {
            if (!one.requires_grad)
            {
                continue;
            }
            double off = (one.grad! - other.grad!).abs().max().ToDouble(), largest = one.grad!.abs().max().ToDouble();
            Assert.True(largest > 0 && off <= tolerance * largest, $"{name}: {off} of {largest}");
        }
    }
}
