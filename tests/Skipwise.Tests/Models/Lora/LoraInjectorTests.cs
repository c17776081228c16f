using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Models.Quantization;
using Skipwise.Numerics;
using Skipwise.Tests.Training;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models.Lora;

public class LoraInjectorTests
{
    // s scale, W [out, in], A [r, in], B [out, r]
    private static readonly LoraOptions s_lora = new() { Rank = 3, Alpha = 4.5, TargetModules = [LoraOptions.AllLinear] };

    /// <summary>What a run of an earlier version drew, it draws on: the numbers of libtorch's generator for the key's seed.</summary>
    [Fact]
    public void Dropout_draws_the_numbers_of_its_key()
    {
        using var scope = NewDisposeScope();
        var dropout = new KeyedDropout { Seed = 9 };
        using IDisposable micro = dropout.ForMicroBatch(12);
        Tensor found = dropout.Apply(ones([3, 40, 7]), 0.3, projection: 2);
        var key = new KeyedRandom(9, 0xD20 + (2UL << 16), 12);
        using var generator = new Generator(key.NextUInt64() >> 1, CPU);
        Tensor expected = rand([3, 40, 7], ScalarType.Float32, CPU, generator: generator).ge(0.3).to(ScalarType.Float32) / 0.7;
        Assert.True(found.allclose(expected, rtol: 1e-6, atol: 0));
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_fresh_adapter_changes_nothing(bool tied)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(tied: tied, initializerRange: 0.3);
        Tensor before = Logits(model);
        LoraInjector.Apply(model, s_lora, seed: 1);
        Assert.True(Logits(model).Equals(before));
    }

    [Fact]
    public void An_adapter_computes_what_merged_weights_compute()
    {
        using var scope = NewDisposeScope();
        using CausalLM adapted = TinyModel.Create(initializerRange: 0.3), merged = TinyModel.Create(initializerRange: 0.3);
        LoraInjector.Apply(adapted, s_lora, seed: 1);
        Merge(DrawB(adapted), merged);
        Assert.InRange((Logits(adapted) - Logits(merged)).abs().max().ToDouble(), 0, 1e-5);
        Assert.False(Logits(adapted).allclose(Logits(TinyModel.Create(initializerRange: 0.3)), atol: 1e-3));
    }

    /// <summary>With G the gradient of the merged, dense weight W + s B A, the chain rule gives dA = s B^T G and dB = s G A^T.</summary>
    [Fact]
    public void Gradients_of_the_factors_follow_from_the_dense_one()
    {
        using var scope = NewDisposeScope();
        using CausalLM adapted = TinyModel.Create(initializerRange: 0.3), dense = TinyModel.Create(initializerRange: 0.3);
        LoraInjector.Apply(adapted, s_lora, seed: 1);
        var updates = DrawB(adapted);
        Merge(updates, dense);
        using Batch batch = Batch.Padded(new ExampleCursor(new RandomExamples(4, 12, 12)).Take(2), CPU);
        CausalLoss.Backward(adapted, batch, 22);
        CausalLoss.Backward(dense, batch, 22);
        var gradients = dense.named_parameters().ToDictionary(p => p.name, p => p.parameter.grad!);
        Assert.Equal(14, updates.Length);
        foreach ((string weight, Parameter a, Parameter b, double scale) in updates)
        {
            Tensor g = gradients[weight];
            Assert.True(a.grad!.allclose(scale * b.detach().T.matmul(g), rtol: 1e-4, atol: 1e-5), weight);
            Assert.True(b.grad!.allclose(scale * g.matmul(a.detach().T), rtol: 1e-4, atol: 1e-5), weight);
        }
        Assert.All(adapted.named_parameters().Where(p => !p.name.Contains("lora_", StringComparison.Ordinal)),
            p => Assert.Null(p.parameter.grad));
    }

    /// <summary>A packed base computes, forward and backward, what a model computes whose weights are the unpacked ones.</summary>
    [Theory]
    [InlineData(8), InlineData(4)]
    public void A_packed_base_equals_its_unpacked_weights(int bits)
    {
        using var scope = NewDisposeScope();
        using CausalLM packed = TinyModel.Create(tied: true, initializerRange: 0.3),
            plain = TinyModel.Create(tied: true, initializerRange: 0.3);
        using (no_grad())
        {
            foreach ((string name, Parameter parameter) in plain.named_parameters()
                .Where(p => p.name.EndsWith("_proj.weight", StringComparison.Ordinal)))
            {
                using var weight = new QuantizedWeight(parameter, bits);
                parameter.copy_(weight.Dequantize());
            }
        }
        long before = packed.parameters().Sum(p => p.numel() * 4);
        LoraInjector.Apply(packed, s_lora with { TrainNorms = true, TrainEmbeddings = true, QuantizationBits = bits }, seed: 1);
        LoraInjector.Apply(plain, s_lora with { TrainNorms = true, TrainEmbeddings = true }, seed: 1);
        DrawB(packed);
        DrawB(plain);
        long after = packed.named_parameters().Where(p => !p.name.Contains("lora_", StringComparison.Ordinal))
            .Sum(p => p.parameter.numel() * 4) + LoraInjector.QuantizedBytes(packed);
        Assert.True(after < before * 0.6, $"{before} -> {after}"); // the embedding stays as it is

        Assert.True(Logits(packed).allclose(Logits(plain), rtol: 1e-5, atol: 1e-5));
        using Batch batch = Batch.Padded(new ExampleCursor(new RandomExamples(4, 12, 12)).Take(2), CPU);
        CausalLoss.Backward(packed, batch, 22);
        CausalLoss.Backward(plain, batch, 22);
        var expected = plain.named_parameters().Where(p => p.parameter.requires_grad).ToDictionary(p => p.name, p => p.parameter.grad!);
        var actual = packed.named_parameters().Where(p => p.parameter.requires_grad).ToDictionary(p => p.name, p => p.parameter.grad!);
        Assert.Equal(expected.Keys.Order(), actual.Keys.Order());
        Assert.Contains("model.embed_tokens.weight", actual.Keys);
        Assert.Contains("model.layers.1.input_layernorm.weight", actual.Keys);
        Assert.All(expected, pair => Assert.True(actual[pair.Key].allclose(pair.Value, rtol: 1e-4, atol: 1e-5), pair.Key));
    }

    [Fact]
    public void Training_moves_the_updates_alone_and_leaks_nothing()
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(initializerRange: 0.3);
        var before = model.named_parameters().ToDictionary(p => p.name, p => p.parameter.detach().clone());
        LoraInjector.Apply(model, s_lora with { TargetModules = ["q_proj", "down_proj"], Dropout = 0.25, QuantizationBits = 8 }, seed: 1);
        using var optimizer = new FusedAdamW(model, new());
        var options = new TrainOptions { Steps = 200, BatchSize = 2, LearningRate = 1e-2, WarmupSteps = 0 };
        StepMetrics[] steps = [.. TrainLoop.Run(model, optimizer, new Same(), options)];
        Assert.True(steps[^1].Loss < 0.8 * steps[0].Loss, $"{steps[0].Loss} -> {steps[^1].Loss}");
        Assert.All(steps.Skip(2), step => Assert.Equal(steps[1].LiveTensors, step.LiveTensors));
        // packed ones have no elements
        foreach ((string name, Parameter parameter) in model.named_parameters()
            .Where(p => before.ContainsKey(p.name) && p.parameter.numel() > 0))
        {
            Assert.True(parameter.detach().Equals(before[name]), name);
        }
        Assert.All(LoraInjector.LoraWeights(model), update => Assert.Matches("(q_proj|down_proj).weight$", update.Weight));
    }

    [Fact]
    public void Dropout_is_a_function_of_where_it_stands()
    {
        using var scope = NewDisposeScope();
        var dropout = new KeyedDropout { Seed = 4 };
        Tensor x = ones(100, 100);
        Assert.True(dropout.Apply(x, 0.3, 0).Equals(x)); // nobody trains
        Tensor Masked(long place, int projection)
        {
            using IDisposable _ = dropout.ForMicroBatch(place);
            return dropout.Apply(x, 0.3, projection);
        }
        Tensor first = Masked(5, 2);
        Assert.True(Masked(5, 2).Equals(first));
        Assert.False(Masked(6, 2).Equals(first));
        Assert.False(Masked(5, 3).Equals(first));
        Assert.InRange(first.eq(0).to(ScalarType.Float32).mean().ToDouble(), 0.28, 0.32); // 0.3 +- 4 standard errors
        Assert.Equal(1 / 0.7, first.max().ToDouble(), 1e-6);
    }

    [Fact]
    public void Impossible_options_are_named()
    {
        using CausalLM model = TinyModel.Create();
        string targets =
            Assert.Throws<SkipwiseException>(() =>
                LoraInjector.Apply(model, s_lora with { TargetModules = ["q_proj", "query"] }, 1)).Message;
        Assert.Contains("no projection query", targets);
        Assert.Contains("q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj", targets);
        string many = Assert.Throws<SkipwiseException>(new LoraOptions { Rank = -1, Dropout = 1, QuantizationBits = 5 }.Validate).Message;
        Assert.All((string[])["LoraOptions.Rank is -1", "LoraOptions.Dropout is 1", "LoraOptions.QuantizationBits is 5"],
            part => Assert.Contains(part, many));
        Assert.Contains("need LoraOptions.Rank",
            Assert.Throws<SkipwiseException>(new LoraOptions { QuantizationBits = 4 }.Validate).Message);
    }

    private static Tensor Logits(CausalLM model)
    {
        using IDisposable _ = no_grad();
        return model.Logits(tensor(TinyModel.Tokens(3, 20).Select(id => (long)id).ToArray()).view(2, 10), arange(10).view(1, 10));
    }

    /// <summary>B of a fresh adapter is 0; here it gets values, the same in every model.</summary>
    private static (string Weight, Parameter A, Parameter B, double Scale)[] DrawB(CausalLM model)
    {
        using IDisposable _ = no_grad();
        (string, Parameter, Parameter B, double)[] updates = [.. LoraInjector.LoraWeights(model)];
        using var generator = new Generator(11, CPU);
        foreach (var update in updates)
        {
            update.B.copy_(rand(update.B.shape, generator: generator).sub_(0.5).mul_(0.2));
        }
        return updates;
    }

    private static void Merge((string Weight, Parameter A, Parameter B, double Scale)[] updates, CausalLM model)
    {
        using IDisposable _ = no_grad();
        var parameters = model.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        foreach ((string weight, Parameter a, Parameter b, double scale) in updates)
        {
            Assert.Equal(4.5 / 3, scale);
            parameters[weight].add_(b.to(ScalarType.Float64).matmul(a.to(ScalarType.Float64)).mul(scale).to(ScalarType.Float32));
        }
    }

    private sealed class Same : IExampleSource
    {
        private readonly RandomExamples _examples = new(2, 12, 12);

        public int Count => _examples.Count;

        public TrainingExample this[int epoch, int index] => _examples[0, index];
    }
}
