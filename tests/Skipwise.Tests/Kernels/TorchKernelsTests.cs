using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Kernels;

/// <summary>What a GPU would be given to compute, taken on the CPU, against the plain formulas.</summary>
public class TorchKernelsTests
{
    public static TheoryData<string> Models =>
        ["llama", "tied", "around one", "sliding", "layer norm", "lora", "lora 4 bits", "normalized head"];

    [Theory]
    [MemberData(nameof(Models))]
    public void Loss_and_gradients_are_those_of_the_formulas(string kind)
    {
        using CausalLM plain = Create(kind), there = Create(kind);
        double expected, found;
        using (FusedKernels.UseReference())
        {
            expected = Loss(plain, isPacked: false);
        }
        using (TorchKernels.Force())
        {
            found = Loss(there, isPacked: false);
        }
        Assert.Equal(1, found / expected, 1e-6);
        Same(plain, there, 1e-5);
    }

    [Theory]
    [InlineData("llama"), InlineData("sliding")]
    public void Documents_in_one_row_train_as_they_do_by_the_formulas(string kind)
    {
        using CausalLM plain = Create(kind), there = Create(kind);
        double expected, found;
        using (FusedKernels.UseReference())
        {
            expected = Loss(plain, isPacked: true);
        }
        using (TorchKernels.Force())
        {
            found = Loss(there, isPacked: true);
        }
        Assert.Equal(1, found / expected, 1e-6);
        Same(plain, there, 1e-5);
    }

    /// <summary>
    /// On a GPU a backward runs on a thread of libtorch's that has no scope: a backward in C# would make tensors there that nobody frees.
    /// </summary>
    [Theory]
    [MemberData(nameof(Models))]
    public void No_backward_of_ours_runs(string kind) => Assert.Equal(0, MadeByTheBackward(kind, isForced: true));

    [Fact]
    public void The_CPU_has_backwards_of_ours() => Assert.NotEqual(0, MadeByTheBackward("llama", isForced: false));

    /// <returns>tensors that C# makes on a thread that does nothing but go back</returns>
    private static long MadeByTheBackward(string kind, bool isForced)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = Create(kind);
        using IDisposable? device = isForced ? TorchKernels.Force() : null;
        using IDisposable dropout = model.Dropout.ForMicroBatch(3);
        Tensor ids = tensor(TinyModel.Tokens(1, 24).Select(id => (long)id).ToArray()).view(2, 12);
        Tensor loss = model.Logits(ids, arange(12).unsqueeze(0)).sum();
        long made = -1;
        var thread = new Thread(() =>
        {
            loss.backward();
            made = DisposeScopeManager.Statistics.CreatedOutsideScopeCount + DisposeScopeManager.Statistics.CreatedInScopeCount;
        });
        thread.Start();
        thread.Join();
        return made;
    }

    [Theory]
    [InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float16), InlineData(ScalarType.Float32)]
    public void A_run_learns_as_it_does_on_the_CPU(ScalarType dtype)
    {
        var options = new TrainOptions { Steps = 20, BatchSize = 4, LearningRate = 1e-3, Optimizer = OptimizerKind.Adamw8bit };
        double[] Losses()
        {
            using CausalLM model = Create("sliding");
            using var masters = MasterWeights.Create(model, dtype, CPU, offload: false);
            using var optimizer = Optimizer.Create(model, options, masters);
            return [.. TrainLoop.Run(model, optimizer, new RandomExamples(8, 12, 12), options).Select(step => step.Loss)];
        }
        double[] expected = Losses(), found;
        using (TorchKernels.Force())
        {
            found = Losses();
        }
        Assert.All(expected.Zip(found), pair => Assert.Equal(1, pair.Second / pair.First, dtype == ScalarType.Float32 ? 1e-4 : 1e-2));
    }

    /// <summary>A sequence read through a cache, and its tokens one by one, against the whole row by the formulas.</summary>
    [Theory]
    [InlineData("llama", 1), InlineData("llama", 5), InlineData("sliding", 1), InlineData("sliding", 5)]
    public void Cached_tokens_get_the_states_of_the_whole_row(string kind, int chunk)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        using CausalLM model = Create(kind);
        const int tokens = 20;
        Tensor ids = tensor(TinyModel.Tokens(1, 2 * tokens).Select(id => (long)id).ToArray()).view(2, tokens);
        Tensor States(KvCache? cache, int from, int count)
        {
            using Rotary rotary = model.RotaryFor(arange(from, from + count).unsqueeze(0), tokens);
            return model.HiddenStates(ids.narrow(1, from, count), rotary, cache);
        }
        Tensor expected;
        using (FusedKernels.UseReference())
        {
            expected = States(null, 0, tokens);
        }
        foreach (bool isForced in (bool[])[false, true])
        {
            using IDisposable? device = isForced ? TorchKernels.Force() : null;
            using var cache = new KvCache(model.Config, 2, tokens, ScalarType.Float32, CPU);
            Tensor found = cat([.. Enumerable.Range(0, tokens / chunk).Select(i => States(cache, i * chunk, chunk))], 1);
            Assert.True(found.allclose(expected, rtol: 1e-4, atol: 1e-5), $"{(found - expected).abs().max().ToDouble()}");
        }
    }

    private static CausalLM Create(string kind)
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
