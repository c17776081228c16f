using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runs;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

/// <summary>Float32 weights behind a model that computes in another type, or with them on another device.</summary>
public sealed class MasterWeightsTests : IDisposable
{
    private static readonly TrainOptions s_options =
        new() { Steps = 8, BatchSize = 4, LearningRate = 1e-3, WarmupSteps = 2, AdamW = new(WeightDecay: 0.1) };
    private readonly TempFolder _temp = new();

    public void Dispose() => _temp.Dispose();

    [Theory]
    [InlineData(ScalarType.BFloat16, 0), InlineData(ScalarType.BFloat16, 1), InlineData(ScalarType.Float16, 0)]
    public void Narrow_types_learn_like_float32(ScalarType dtype, int recomputeEvery)
    {
        TrainOptions options = s_options with { Steps = 30, RecomputeEvery = recomputeEvery };
        using CausalLM wide = TinyModel.Create(tied: true, initializerRange: 0.05),
            narrow = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var optimizer = new FusedAdamW(wide, options.AdamW);
        using var masters = MasterWeights.Create(narrow, dtype, CPU, offload: false);
        using Optimizer narrowOptimizer = Optimizer.Create(narrow, options, masters);
        Assert.Equal(dtype, narrow.Dtype);
        StepMetrics[] expected = [.. TrainLoop.Run(wide, optimizer, new RandomExamples(8, 12, 12), options)],
            found = [.. TrainLoop.Run(narrow, narrowOptimizer, new RandomExamples(8, 12, 12), options)];
        Assert.All(found, step => Assert.Null(step.Skipped));
        Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second.Loss / pair.First.Loss, 0.99, 1.01));
        Assert.All(expected.Zip(found), pair => Assert.InRange(pair.Second.GradientNorm / pair.First.GradientNorm, 0.95, 1.05));
        Assert.All(found, step => Assert.Equal(dtype == ScalarType.Float16 ? LossScaler.InitialScale : null, step.LossScale));
        Assert.All(masters.Entries, weight =>
        {
            Assert.Equal((ScalarType.Float32, dtype), (weight.Master.dtype, weight.Parameter.dtype));
            Assert.True(weight.Parameter.Equals(weight.Master.to(dtype)), weight.Name);
            // it has digits that the copy cannot hold
            Assert.False(weight.Parameter.to(ScalarType.Float32).Equals(weight.Master), weight.Name);
        });
    }

    /// <summary>A weight that is infinite in float16 would make every score NaN. It is named instead, trained or frozen.</summary>
    [Theory]
    [InlineData(true), InlineData(false)]
    public void A_weight_beyond_the_types_range_is_named(bool isTrained)
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        (string name, Parameter weight) = model.named_parameters().First(p => p.parameter.dim() == 2);
        using (no_grad())
        {
            weight.fill_(1e5f);
        }
        weight.requires_grad = isTrained;
        string error = Assert.Throws<SkipwiseException>(() => MasterWeights.Create(model, ScalarType.Float16, CPU, offload: false)).Message;
        Assert.StartsWith($"{name}: values up to 1e+5 leave the range of Float16", error);
    }

    /// <summary>
    /// The norm is the gradient's own, not that of the loss scaled up for float16: the first mean is a tenth of the clipped gradient.
    /// </summary>
    [Theory]
    [InlineData(ScalarType.Float16), InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float32)]
    public void Clipping_goes_by_the_true_norm(ScalarType dtype)
    {
        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        using var masters = MasterWeights.Create(model, dtype, CPU, offload: false);
        TrainOptions options = s_options with { Steps = 1, MaxGradNorm = 0.01 };
        using Optimizer optimizer = Optimizer.Create(model, options, masters);
        StepMetrics step = TrainLoop.Run(model, optimizer, new RandomExamples(8, 12, 12), options).Single();
        Assert.True(step.GradientNorm > 0.1, $"{step.GradientNorm}");
        using var scope = NewDisposeScope();
        double mean = Math.Sqrt(optimizer.State().Where(state => state.Name.StartsWith("exp_avg.", StringComparison.Ordinal))
            .Sum(state => state.Value.square().sum(ScalarType.Float64).ToDouble()));
        Assert.InRange(mean / (0.1 * 0.01), 0.999, 1.001);
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw, ScalarType.BFloat16), InlineData(OptimizerKind.Adamw8bit, ScalarType.BFloat16),
        InlineData(OptimizerKind.Adafactor, ScalarType.BFloat16), InlineData(OptimizerKind.Adamw, ScalarType.Float32)]
    public void A_group_that_does_not_learn_stays_as_it_was(OptimizerKind kind, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var still = new LearningRateScales { Embeddings = 0 };
        TrainOptions options = s_options with { Optimizer = kind, Steps = 3, AdamW = new(WeightDecay: 0.1) { Scales = still } };
        using CausalLM model = TinyModel.Create(vocabulary: 201, initializerRange: 0.05);
        using var masters = MasterWeights.Create(model, dtype, CPU, offload: false);
        var before = masters.Entries.ToDictionary(weight => weight.Name, weight => weight.Master.clone());
        using Optimizer optimizer = Optimizer.Create(model, options, masters);
        _ = TrainLoop.Run(model, optimizer, new RandomExamples(8, 12, 12), options).Count();
        Assert.Equal(["lm_head.weight", "model.embed_tokens.weight"],
            masters.Entries.Where(weight => weight.Master.Equals(before[weight.Name])).Select(weight => weight.Name).Order());
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw), InlineData(OptimizerKind.Adamw8bit), InlineData(OptimizerKind.Adafactor)]
    public void An_optimizer_of_its_own_takes_no_narrow_model(OptimizerKind kind)
    {
        using CausalLM wide = TinyModel.Create(vocabulary: 201);
        using var narrow = new CausalLM(wide.Config, ScalarType.BFloat16);
        string message = Assert.Throws<SkipwiseException>(() => { using Optimizer _ = New(narrow); }).Message;
        Assert.Contains("is BFloat16", message, StringComparison.Ordinal);
        Assert.Contains("MasterWeights.Create(model, dtype, device, offload)", message, StringComparison.Ordinal);

        Optimizer New(CausalLM model) => kind switch
        {
            OptimizerKind.Adamw8bit => new AdamW8Bit(model, new()),
            OptimizerKind.Adafactor => new Adafactor(model, new()),
            _ => new FusedAdamW(model, new()),
        };
    }

    /// <summary>What micro-batches add up to is a sum in float32 of what each of them gives; in bfloat16 a small one would vanish beside a
    /// large one.</summary>
    [Theory]
    [InlineData(ScalarType.BFloat16), InlineData(ScalarType.Float32)]
    public void Gradients_of_micro_batches_add_up_in_float32(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(initializerRange: 0.05), alone = TinyModel.Create(initializerRange: 0.05);
        using var masters = MasterWeights.Create(model, dtype, CPU, offload: false);
        using var other = MasterWeights.Create(alone, dtype, CPU, offload: false);
        using var optimizer = Optimizer.Create(model, s_options, masters);
        var expected = new Dictionary<string, Tensor>();
        for (int micro = 0; micro < 6; micro++)
        {
            Tensor ids =
                tensor(TinyModel.Tokens(seed: (ulong)micro, count: 24, vocabulary: model.Config.VocabSize).Select(id => (long)id).ToArray())
                .view(2, 12);
            using Batch batch = TensorBatch.Of(ids, arange(12).expand(2, 12), ids);
            CausalLoss.Backward(model, batch, divisor: micro == 0 ? 1 : 500);
            optimizer.AccumulateGradients();
            CausalLoss.Backward(alone, batch, divisor: micro == 0 ? 1 : 500);
            foreach ((string name, Parameter parameter) in alone.named_parameters())
            {
                Tensor wide = parameter.grad!.to(ScalarType.Float32);
                expected[name] = expected.TryGetValue(name, out Tensor? sum) ? sum + wide : wide.clone();
                parameter.grad = null;
            }
        }
        double norm = Math.Sqrt(expected.Values.Sum(gradient => gradient.square().sum(ScalarType.Float64).ToDouble()));
        Assert.InRange(optimizer.GradientNorm().ToDouble() / norm, 1 - 1e-6, 1 + 1e-6);

        optimizer.Step(learningRate: 0, scale: 1);
        var means = optimizer.State().ToDictionary(state => state.Name, state => state.Value); // Adam's first mean is a tenth of the sum
        Assert.All(expected,
            sum => Assert.InRange((means[$"exp_avg.{sum.Key}"] - (0.1 * sum.Value)).abs().max().ToDouble(), 0,
                1e-6 * sum.Value.abs().max().ToDouble()));
        Assert.Equal(0, optimizer.GradientNorm().ToDouble()); // nothing is left
    }

    /// <summary>Every family's blocks, heads and norms in bfloat16.</summary>
    [Theory]
    [InlineData("gptj-none"), InlineData("baichuan2-none"), InlineData("gpt_neox-pct25-parallel"), InlineData("llama-gqa-yarn16-tied"),
        InlineData("mistral-sliding16"), InlineData("qwen2")]
    public void Every_family_computes_in_bfloat16(string fixture)
    {
        using var scope = NewDisposeScope();
        using var reference = new ParityCase(fixture);
        using Batch batch = TensorBatch.Of(reference["input_ids"], reference["position_ids.contiguous"], reference["input_ids"]);
        double expected = CausalLoss.Backward(reference.Model, batch, batch.Labels.numel()).ToDouble();
        foreach (var parameter in reference.Model.parameters())
        {
            parameter.grad = null;
        }
        using var masters = MasterWeights.Create(reference.Model, ScalarType.BFloat16, CPU, offload: false);
        Assert.InRange(CausalLoss.Backward(reference.Model, batch, batch.Labels.numel()).ToDouble() / expected, 0.98, 1.02);
        Assert.All(reference.Model.parameters(), parameter => Assert.Equal(ScalarType.BFloat16, parameter.grad!.dtype));
    }

    /// <summary>The way that a GPU's run takes, with the CPU in the GPU's place.</summary>
    [Theory]
    [InlineData(OptimizerKind.Adamw), InlineData(OptimizerKind.Adamw8bit), InlineData(OptimizerKind.Adafactor)]
    public void Offloaded_masters_change_no_bit(OptimizerKind kind)
    {
        TrainOptions options = s_options with { Optimizer = kind };
        using CausalLM plain = TinyModel.Create(vocabulary: 201, initializerRange: 0.05),
            offloaded = TinyModel.Create(vocabulary: 201, initializerRange: 0.05);
        using var own = MasterWeights.Create(plain, ScalarType.Float32, CPU, offload: false);
        using var apart = MasterWeights.Create(offloaded, ScalarType.Float32, CPU, offload: true);
        Assert.Equal((false, true), (own.AreSeparate, apart.AreSeparate));
        using (no_grad())
        {
            offloaded.HeadWeight.zero_(); // a copy: the masters keep what they are
            Assert.True(apart.Entries.Single(weight => weight.Name.StartsWith("lm_head", StringComparison.Ordinal)).Master.abs().max()
                .ToDouble() > 0);
            apart.CopyToModel();
        }
        using Optimizer first = Optimizer.Create(plain, options, own), second = Optimizer.Create(offloaded, options, apart);
        Assert.Equal(Losses(plain, first, options), Losses(offloaded, second, options));
        Assert.All(own.Entries.Zip(apart.Entries),
            pair => Assert.True(pair.First.Master.Equals(pair.Second.Master) && pair.Second.Parameter.Equals(pair.First.Parameter),
                pair.First.Name));
    }

    [Fact]
    public void For_a_while_the_masters_are_the_models_weights()
    {
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var masters = MasterWeights.Create(model, ScalarType.BFloat16, CPU, offload: false);
        using (masters.SwapIntoModel())
        {
            Assert.All(masters.Entries, weight => Assert.True(weight.Parameter.Equals(weight.Master)));
            using IDisposable _ = no_grad();
            model.HeadWeight.mul_(2); // reading a checkpoint writes into them
        }
        Assert.Equal(ScalarType.BFloat16, model.Dtype);
        using var scope = NewDisposeScope();
        Tensor master = masters.Entries.Single(weight => weight.Name == "model.embed_tokens.weight").Master;
        Assert.True((model.HeadWeight.detach() * 2).Equals(master.to(ScalarType.BFloat16)));
        masters.CopyToModel();
        Assert.True(model.HeadWeight.Equals(master.to(ScalarType.BFloat16)));
    }

    [Theory]
    [InlineData(OptimizerKind.Adamw, ScalarType.BFloat16), InlineData(OptimizerKind.Adamw8bit, ScalarType.Float32),
        InlineData(OptimizerKind.Adamw8bit, ScalarType.BFloat16),
     InlineData(OptimizerKind.Adafactor, ScalarType.Float32), InlineData(OptimizerKind.Adafactor, ScalarType.Float16)]
    public void A_resumed_run_ends_in_the_same_bits(OptimizerKind kind, ScalarType dtype)
    {
        TrainOptions options = s_options with { Optimizer = kind };
        double[] whole = Run(_temp["whole"], options, dtype, stopAfter: 8, resume: false);
        double[] parts =
            [.. Run(_temp["parts"], options, dtype, stopAfter: 3, resume: false),
                .. Run(_temp["parts"], options, dtype, stopAfter: 8, resume: true)];
        Assert.Equal(whole, parts);
        string[] Files(string folder) =>
            [.. Directory.EnumerateFiles(Path.Combine(_temp[folder], "checkpoints", "step-000008")).Order(StringComparer.Ordinal)];
        Assert.NotEmpty(Files("whole"));
        Assert.All(Files("whole").Zip(Files("parts")),
            pair => Assert.True(File.ReadAllBytes(pair.First).AsSpan().SequenceEqual(File.ReadAllBytes(pair.Second)), pair.First));
    }

    [Fact]
    public void Overflows_are_skipped_until_the_scale_fits()
    {
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var masters = MasterWeights.Create(model, ScalarType.Float16, CPU, offload: false);
        using Optimizer optimizer = Optimizer.Create(model, s_options, masters);
        var scaler = new LossScaler(new LossScalerState { Scale = Math.Pow(2, 24) });
        using Tensor before = model.HeadWeight.detach().clone();
        var log = new List<StepMetrics>();
        var guard = new StepGuard(s_options);
        foreach (StepMetrics step in TrainLoop.Run(model, optimizer, new RandomExamples(8, 12, 12), s_options with { Steps = 20 },
            guard: guard, scaler: scaler))
        {
            log.Add(step);
            Assert.Equal(optimizer.StepCount == 0, model.HeadWeight.Equals(before));
        }
        Assert.NotNull(log[1].Skipped);
        Assert.Null(log[^1].Skipped);
        int overflows = log.Count(step => step.Skipped is not null);
        Assert.All(log.Where(step => step.Skipped is not null),
            step => Assert.Contains("overflows float16", step.Skipped, StringComparison.Ordinal));
        Assert.Equal(Math.Pow(2, 24 - overflows + 1), scaler.State.Scale); // the first was borne
        Assert.Equal((overflows, 20 - overflows, 0), (scaler.State.SkippedSteps, optimizer.StepCount, guard.State.SkippedSteps));
        Assert.Equal(optimizer.StepCount, new TrainProgress(20, 0) { Guard = guard.State, Scaler = scaler.State }.OptimizerSteps);
    }

    [Theory]
    [InlineData(null), InlineData(8), InlineData(4)]
    public void An_adapter_of_a_bfloat16_model_is_trained_and_stored_in_float32(int? baseBits)
    {
        var lora = new LoraOptions { Rank = 4, QuantizationBits = baseBits, TrainNorms = true, Dropout = 0.1 };
        double[] Train(ScalarType dtype, string folder)
        {
            using PretrainedModel pretrained = PretrainedModel.Create(TinyModel.Create(tied: true, initializerRange: 0.05));
            var adapted = new PeftModel(pretrained, lora, "base", seed: 3);
            using var masters = MasterWeights.Create(adapted.Model, dtype, CPU, offload: false);
            using Optimizer optimizer = Optimizer.Create(adapted.Model, s_options, masters);
            double[] losses = Losses(adapted.Model, optimizer, s_options);
            using IDisposable _ = masters.SwapIntoModel();
            Directory.CreateDirectory(folder);
            adapted.WriteFiles(folder);
            return losses;
        }
        double[] wide = Train(ScalarType.Float32, _temp["wide"]), narrow = Train(ScalarType.BFloat16, _temp["narrow"]);
        Assert.All(wide.Zip(narrow), pair => Assert.InRange(pair.Second / pair.First, 0.99, 1.01));
        using SafetensorsFile stored = SafetensorsFile.Open(Path.Combine(_temp["narrow"], "adapter_model.safetensors"));
        Assert.All(stored.Tensors.Values, tensor => Assert.Equal("F32", tensor.Type.Name));
    }

    private static double[] Losses(CausalLM model, Optimizer optimizer, TrainOptions options) =>
        [.. TrainLoop.Run(model, optimizer, new RandomExamples(8, 12, 12), options).Select(step => step.Loss)];

    private static double[] Run(string folder, TrainOptions options, ScalarType dtype, int stopAfter, bool resume)
    {
        using PretrainedModel pretrained = PretrainedModel.Create(TinyModel.Create(vocabulary: 201, initializerRange: 0.05));
        using var masters = MasterWeights.Create(pretrained.Model, dtype, CPU, offload: false);
        using Optimizer optimizer = Optimizer.Create(pretrained.Model, options, masters);
        var run = new RunFolder(folder);
        TrainProgress start = resume ? RunFolder.LoadCheckpoint(run.Checkpoints()[^1], pretrained, optimizer) : new TrainProgress(0, 0);
        var scaler = new LossScaler(start.Scaler);
        var guard = new StepGuard(options, start.Guard);
        double[] losses =
            [.. TrainLoop.Run(pretrained.Model, optimizer, new RandomExamples(8, 12, 12), options, start, guard, scaler)
                .Take(stopAfter - start.Step).Select(step => step.Loss)];
        run.SaveCheckpoint(pretrained, optimizer,
            new TrainProgress(stopAfter, TrainLoop.ExamplesAfter(stopAfter, options)) { Guard = guard.State, Scaler = scaler.State },
            keepLast: 1);
        return losses;
    }
}
