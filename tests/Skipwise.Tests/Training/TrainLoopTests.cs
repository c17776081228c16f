using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Training;

public class TrainLoopTests
{
    private static readonly TrainOptions s_options =
        new() { Steps = 6, BatchSize = 4, LearningRate = 1e-2, WarmupSteps = 2, AdamW = new(WeightDecay: 0.1) };

    [Fact]
    public void Live_tensors_do_not_grow()
    {
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var optimizer = new FusedAdamW(model, s_options.AdamW);
        var source = new RandomExamples(50, 4, 16);
        StepMetrics[] steps = [.. TrainLoop.Run(model, optimizer, source, s_options with { Steps = 200 })];
        Assert.All(steps.Skip(2), step => Assert.Equal(steps[1].LiveTensors, step.LiveTensors));
    }

    [Fact]
    public void The_same_run_twice_is_the_same()
    {
        Assert.Equal(Losses(s_options), Losses(s_options));
        Assert.All(Losses(s_options), loss => Assert.InRange(loss, 0.1, 20));
    }

    [Fact]
    public void Accumulated_micro_batches_equal_one_batch_although_their_labels_differ_in_number()
    {
        double[] whole = Losses(s_options), parts = Losses(s_options with { BatchSize = 1, GradientAccumulationSteps = 4 });
        foreach ((double one, double four) in whole.Zip(parts))
        {
            Assert.Equal(one, four, 1e-5);
        }
    }

    /// <summary>A run that resumes takes up where the examples of all micro-batches end.</summary>
    [Fact]
    public void A_resumed_run_repeats_no_example_of_its_micro_batches()
    {
        TrainOptions options =
            s_options with
            {
                BatchSize = 2,
                GradientAccumulationSteps = 3,
                LearningRateDecay = LearningRateDecay.Constant,
                WarmupSteps = 0
            };
        var source = new RandomExamples(50, 4, 16);
        double[] Train(params int[] stops)
        {
            using CausalLM model = TinyModel.Create(initializerRange: 0.05);
            using var optimizer = new FusedAdamW(model, options.AdamW);
            List<double> losses = [];
            foreach (int stop in stops)
            {
                var start = new TrainProgress(losses.Count, TrainLoop.ExamplesAfter(losses.Count, options));
                losses.AddRange(TrainLoop.Run(model, optimizer, source, options, start).Take(stop - losses.Count)
                    .Select(step => step.Loss));
            }
            return [.. losses];
        }
        Assert.Equal(Train(6), Train(3, 6));
    }

    /// <summary>Wherever a stop hits a step, the weights and the optimizer are those after the last record.</summary>
    [Fact]
    public void A_stopped_step_leaves_nothing()
    {
        TrainOptions options = s_options with { Steps = 6, BatchSize = 2, GradientAccumulationSteps = 8 };
        var source = new RandomExamples(200, 40, 60);
        using CausalLM whole = TinyModel.Create(initializerRange: 0.05);
        using var wholeOptimizer = new FusedAdamW(whole, options.AdamW);
        double[] losses = [.. TrainLoop.Run(whole, wholeOptimizer, source, options).Select(step => step.Loss)];

        using CausalLM model = TinyModel.Create(initializerRange: 0.05);
        using var optimizer = new FusedAdamW(model, options.AdamW);
        List<double> found = [];
        for (int attempt = 0; found.Count < options.Steps; attempt++)
        {
            using var stop = new CancellationTokenSource();
            var start = new TrainProgress(found.Count, TrainLoop.ExamplesAfter(found.Count, options));
            using IEnumerator<StepMetrics> steps =
                TrainLoop.Run(model, optimizer, source, options, start, stop: stop.Token).GetEnumerator();
            stop.CancelAfter(TimeSpan.FromMilliseconds(attempt)); // at first within the first step, at last after some
            while (steps.MoveNext())
            {
                found.Add(steps.Current.Loss);
            }
            Assert.All(model.parameters(), parameter => Assert.Null(parameter.grad));
        }
        Assert.Equal(losses, found);
        Assert.All(model.parameters().Zip(whole.parameters()), pair => Assert.True(pair.First.equal(pair.Second).all().ToBoolean()));
    }

    /// <summary>Each micro-batch draws masks of its own: a step over twice the same example has the mean of two different losses.</summary>
    [Fact]
    public void Dropout_differs_between_micro_batches()
    {
        CausalLM Adapted()
        {
            CausalLM model = TinyModel.Create(initializerRange: 0.05);
            LoraInjector.Apply(model, new LoraOptions { Rank = 3, Dropout = 0.3, TargetModules = [LoraOptions.AllLinear] }, seed: 5);
            using IDisposable _ = no_grad();
            foreach (var update in LoraInjector.LoraWeights(model))
            {
                update.B.fill_(0.1); // at its beginning, 0, no mask would change the loss
            }
            return model;
        }
        TrainingExample example = new RandomExamples(1, 12, 12)[0, 0];
        double Loss(long place)
        {
            using var scope = NewDisposeScope();
            using CausalLM model = Adapted();
            using Batch batch = Batch.Padded([example, example], CPU);
            using IDisposable dropout = model.Dropout.ForMicroBatch(place);
            return CausalLoss.Backward(model, batch, 1).ToDouble() / batch.Labels.numel();
        }
        using CausalLM trained = Adapted();
        using var optimizer = new FusedAdamW(trained, new());
        StepMetrics step = TrainLoop.Run(trained, optimizer, new Same(example),
            s_options with { Steps = 1, BatchSize = 2, GradientAccumulationSteps = 2 }).Single();
        double first = Loss(0), second = Loss(2); // the examples taken before each
        Assert.NotEqual(first, second, 1e-4);
        Assert.Equal((first + second) / 2, step.Loss, 1e-6);
    }

    private sealed class Same(TrainingExample example) : IExampleSource
    {
        public int Count => 1;

        public TrainingExample this[int epoch, int index] => example;
    }

    /// <summary>A batch that an epoch's end falls into goes on with the next epoch's first example.</summary>
    [Fact]
    public void A_batch_runs_on_into_the_next_epoch()
    {
        var cursor = new ExampleCursor(new Places(5), taken: 0);
        (int, int)[] Taken(int count) => [.. cursor.Take(count).Select(example => (example.InputIds[0], example.InputIds[1]))];
        Assert.Equal([(0, 0), (0, 1), (0, 2)], Taken(3));
        Assert.Equal([(0, 3), (0, 4), (1, 0)], Taken(3));
        Assert.Equal([(1, 1), (1, 2), (1, 3), (1, 4), (2, 0), (2, 1), (2, 2)], Taken(7));
        Assert.Equal((13L, 2.6), (cursor.ExamplesTaken, cursor.Epoch));
        Assert.Equal((1, 2), new ExampleCursor(new Places(5), taken: 7).Take(1)
            .Select(example => (example.InputIds[0], example.InputIds[1])).Single());
    }

    /// <summary>Examples that say where they stand.</summary>
    private sealed class Places(int count) : IExampleSource
    {
        public int Count => count;

        public TrainingExample this[int epoch, int index] => new([epoch, index], [0, 1], [epoch, index]);
    }

    [Fact]
    public void Steps_of_more_examples_than_can_be_counted_are_refused()
    {
        var options = new TrainOptions { BatchSize = 65536, GradientAccumulationSteps = 65536 };
        Assert.Contains("4294967296 examples a step", Assert.Throws<SkipwiseException>(options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_learns_what_can_be_learned()
    {
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var optimizer = new FusedAdamW(model, new());
        StepMetrics[] steps = [.. TrainLoop.Run(model, optimizer, new SameEveryEpoch(), s_options with { Steps = 150 })];
        Assert.True(steps[^1].Loss < 0.5 * steps[0].Loss, $"{steps[0].Loss} -> {steps[^1].Loss}");
    }

    [Fact]
    public void A_loss_that_is_no_number_stops_the_run_and_leaves_the_weights()
    {
        using var scope = NewDisposeScope();
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var optimizer = new FusedAdamW(model, new());
        var broken = model.named_parameters().First(p => p.name.EndsWith("up_proj.weight", StringComparison.Ordinal)).parameter;
        using (no_grad())
        {
            broken[0, 0] = float.NaN;
        }
        Tensor before = model.HeadWeight.detach().clone();
        var error = Assert.Throws<SkipwiseException>(() =>
            TrainLoop.Run(model, optimizer, new RandomExamples(4, 8, 8), s_options with { MaxBadSteps = 1 }).ToList());
        Assert.Contains("Step 1", error.Message);
        Assert.Contains("TrainOptions.LearningRate", error.Message);
        Assert.True(model.HeadWeight.detach().allclose(before, rtol: 0, atol: 0));
    }

    [Theory]
    [InlineData(0.0, 0.0), InlineData(0.1, 0.0), InlineData(0.0, 0.5)]
    public void The_fused_optimizer_equals_the_library_s_own(double weightDecay, double maxNorm)
    {
        using var scope = NewDisposeScope();
        using CausalLM fused = TinyModel.Create(tied: true, initializerRange: 0.05),
            plain = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var optimizer = new FusedAdamW(fused, new(0.9, 0.95, 1e-8, weightDecay));
        // Norms and biases do not decay: two groups, as the fused one has.
        var matrices = plain.parameters().Where(p => p.dim() >= 2).ToArray();
        var vectors = plain.parameters().Where(p => p.dim() < 2).ToArray();
        using var first = optim.AdamW(matrices, lr: 1e-2, beta1: 0.9, beta2: 0.95, weight_decay: weightDecay);
        using var second = optim.AdamW(vectors, lr: 1e-2, beta1: 0.9, beta2: 0.95, weight_decay: 0);
        var cursor = new ExampleCursor(new RandomExamples(20, 10, 10));
        for (int step = 0; step < 5; step++)
        {
            using Batch batch = Batch.Padded(cursor.Take(3), CPU);
            CausalLoss.Backward(fused, batch, 20);
            CausalLoss.Backward(plain, batch, 20);
            if (maxNorm > 0)
            {
                nn.utils.clip_grad_norm_(plain.parameters(), maxNorm);
            }
            optimizer.ClipAndStep(1e-2, maxNorm);
            first.step();
            second.step();
            first.zero_grad();
            second.zero_grad();
        }
        foreach ((var expected, var actual) in plain.parameters().Zip(fused.parameters()))
        {
            Assert.True(actual.allclose(expected, rtol: 1e-5, atol: 1e-6));
        }
    }

    private sealed class SameEveryEpoch : IExampleSource
    {
        private readonly RandomExamples _examples = new(4, 12, 12);

        public int Count => _examples.Count;

        public TrainingExample this[int epoch, int index] => _examples[0, index];
    }

    private static double[] Losses(TrainOptions options)
    {
        using CausalLM model = TinyModel.Create(tied: true, initializerRange: 0.05);
        using var optimizer = new FusedAdamW(model, options.AdamW);
        return [.. TrainLoop.Run(model, optimizer, new RandomExamples(10, 6, 12), options).Select(step => step.Loss)];
    }
}
