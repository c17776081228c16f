using System.Diagnostics;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Training;
using Skipwise.Training.Optimizers;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>
/// A model's embedding, head and one of its layers with random weights, of which a training step is timed. Depth is simulated by running
/// the one layer several times.
/// </summary>
internal sealed class StepProfiler : IDisposable
{
    private const int LeastRepeats = 3;
    private static readonly TimeSpan s_repeating = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(10); // of repeats on a slow machine
    private readonly Dictionary<(int Batch, int Length, int Depth, int RecomputeEvery), ProfiledTime> _timed = [];
    private readonly LayerSizes _sizes;
    private readonly MasterWeights _masters;
    private readonly Optimizer _optimizer;

    /// <param name="sizes">of the model, which the caller disposes</param>
    public StepProfiler(LayerSizes sizes)
    {
        _sizes = sizes;
        Model = new CausalLM(sizes.OneLayer);
        using (no_grad())
        {
            foreach (Parameter weight in Model.parameters())
            {
                _ = weight.dim() == 1 ? weight.fill_(1) : weight.uniform_(-0.02, 0.02);
            }
        }
        if (sizes.Lora.IsEnabled)
        {
            LoraInjector.Apply(Model, sizes.Lora, seed: 0);
        }
        _masters = MasterWeights.Create(Model, sizes.Compute.Dtype, sizes.Compute.Device, sizes.Offloads);
        _optimizer = Optimizer.Create(Model, new TrainOptions { Optimizer = sizes.Optimizer }, _masters);
    }

    /// <summary>The model with one layer.</summary>
    public CausalLM Model { get; }

    /// <summary>Bytes of the optimizer state, float32 master weights included.</summary>
    public long OptimizerBytes => _optimizer.StateBytes
        + (_masters.AreSeparate ? _masters.Entries.Sum(entry => entry.Master.numel() * entry.Master.element_size()) : 0);

    /// <summary>FLOPs of a step, and how much of one is timed.</summary>
    /// <inheritdoc cref="Profile"/>
    public static (StepFlops Flops, TimedShape Shape) ShapeOf(LayerSizes sizes, int batch, int length, int recomputeEvery)
    {
        bool isFrozen = LoraInjector.Projections(sizes.Model).All(p => !p.Projection.weight.requires_grad);
        var flops = new StepFlops(sizes.Config, sizes.LayerMatrices, isFrozen, recomputeEvery);
        return (flops, TimedShape.Of(flops, sizes.IsSliding, sizes.Compute.Device, batch, length));
    }

    /// <summary>
    /// Times a step of this batch and length. If it takes longer than some seconds, two smaller ones are timed, the second with half of the
    /// first one's tokens: their difference is what tokens cost, the rest is what a pass over the weights costs.
    /// </summary>
    /// <param name="recomputeEvery">k: layers 0, k, 2 k, ... run their forward twice; 0: none</param>
    /// <param name="stop">checked before every repeat</param>
    public TimeModel Profile(int batch, int length, int recomputeEvery, CancellationToken stop)
    {
        (StepFlops flops, TimedShape shape) = ShapeOf(_sizes, batch, length, recomputeEvery);
        (int rows, int shorter, int depth) = shape;
        ProfiledTime whole = Timed(rows, shorter, depth, recomputeEvery, stop);
        LayerBytes ofTrained = _sizes.Trained;
        double trained = ofTrained.Total(_sizes.Config.NumHiddenLayers) / (double)Math.Max(1, ofTrained.Total(1));
        (double Work, double Tokens) Size(int rows, int length) =>
            (Enumerable.Range(0, depth).Sum(layer => flops.Layer(layer, _sizes.IsSliding, rows, length)), (double)rows * length);
        (double work, double tokens) = Size(rows, shorter);
        ProfiledTime half = default;
        (double lessWork, double fewer) = (0, 0);
        if (shape.Tokens < (long)batch * length)
        {
            (int halfRows, int halfLength) = rows > 1 ? (rows / 2, shorter) : (rows, shorter / 2);
            half = Timed(halfRows, halfLength, depth, recomputeEvery, stop);
            (lessWork, fewer) = Size(halfRows, halfLength);
        }
        var layers = ComputeLine.Through(work, whole.Layers, lessWork, half.Layers);
        var ends = ComputeLine.Through(tokens, whole.Ends, fewer, half.Ends);
        double passes = Enumerable.Range(0, depth).Sum(flops.WeightPassesOf);
        return new TimeModel(flops, (1 / passes) * layers.Fixed, layers.PerUnit, ends.Fixed, ends.PerUnit, trained * whole.Update);
    }

    public void Dispose()
    {
        _optimizer.Dispose();
        _masters.Dispose();
        Model.Dispose();
    }

    /// <summary>The time of a shape; large models have the same one for short and long windows, and it is timed once.</summary>
    private ProfiledTime Timed(int batch, int length, int depth, int recomputeEvery, CancellationToken stop)
    {
        (int, int, int, int) shape = (batch, length, depth, recomputeEvery);
        return _timed.TryGetValue(shape, out ProfiledTime time) ? time : _timed[shape] = Repeat(batch, length, depth, recomputeEvery, stop);
    }

    /// <summary>Median time of each part. The first half of the repeats is warm-up: code is compiled, kernels are chosen.</summary>
    private ProfiledTime Repeat(int batch, int length, int depth, int recomputeEvery, CancellationToken stop)
    {
        using var step = new ProfiledStep(Model, batch, length);
        List<ProfiledTime> times = [];
        var repeating = Stopwatch.StartNew();
        do
        {
            stop.ThrowIfCancellationRequested();
            ComputeTime layers = Clock(() => step.Layers(depth, recomputeEvery)), ends = Clock(step.EmbeddingAndHead);
            times.Add(new(layers, ends, Clock(() => _optimizer.ClipAndStep(0, 1))));
        }
        while (repeating.Elapsed < s_repeating || (times.Count < LeastRepeats && repeating.Elapsed < s_longest));
        ComputeTime Middle(Func<ProfiledTime, ComputeTime> part)
        {
            ComputeTime[] settled = [.. times.Skip(times.Count / 2).Select(part)];
            double Of(Func<ComputeTime, double> clock) => settled.Select(clock).Order().ElementAt((settled.Length - 1) / 2);
            return new(Of(time => time.Seconds), Of(time => time.CpuSeconds));
        }
        return new(Middle(time => time.Layers), Middle(time => time.Ends), Middle(time => time.Update));
    }

    private ComputeTime Clock(Action work)
    {
        ComputeTime before = Now();
        using (NewDisposeScope())
        {
            work();
        }
        return Now() - before;
    }

    private ComputeTime Now()
    {
        if (Model.Device.type == DeviceType.CUDA)
        {
            cuda.synchronize(Model.Device); // the GPU works asynchronously
        }
        return new(Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency, Environment.CpuUsage.TotalTime.TotalSeconds);
    }

    private readonly record struct ProfiledTime(ComputeTime Layers, ComputeTime Ends, ComputeTime Update);

    /// <summary>Inputs of a step of [batch, length], reused by its repeats.</summary>
    private sealed class ProfiledStep : IDisposable
    {
        private readonly CausalLM _model;
        private readonly DisposeScope _scope = NewDisposeScope();
        private readonly IDisposable _dropout;
        private readonly Batch _inputs;
        private readonly Rotary _rotary;
        private readonly Tensor _hidden, _toOutput, _total; // a layer's input; its output's gradient; the loss sum
        private readonly IReadOnlyList<Block> _blocks;

        public ProfiledStep(CausalLM model, int batch, int length)
        {
            _model = model;
            _dropout = model.Dropout.ForMicroBatch(0);
            TrainingExample[] examples = [.. Enumerable.Range(0, batch).Select(row => Example(model.Config.VocabSize, row, length))];
            _inputs = Batch.Padded(examples, model.Device);
            _rotary = CausalLoss.RotaryFor(model, _inputs);
            _blocks = model.Blocks(length, _rotary, []);
            // Most layers' inputs need a gradient, even if the embedding is frozen.
            _hidden = model.Embed(_inputs.InputIds).detach().requires_grad_();
            _toOutput = ones_like(_hidden);
            _total = zeros([], ScalarType.Float64, model.Device);
        }

        /// <summary>Runs <paramref name="depth"/> layers and the final norm, forward and backward.</summary>
        public void Layers(int depth, int recomputeEvery)
        {
            using var layers = new LayerwiseBackward();
            layers.Forward([.. Enumerable.Repeat(_blocks[0], depth), _blocks[^1]], _hidden, recomputeEvery).Dispose();
            layers.Backward(_toOutput);
        }

        public void EmbeddingAndHead()
        {
            Tensor embedded = _model.Embed(_inputs.InputIds);
            Tensor gradient = CausalLoss.HeadGradient(_model, _hidden, _inputs, _inputs.Tokens, logitsPerChunk: null, _total);
            if (embedded.requires_grad)
            {
                embedded.backward([gradient]);
            }
        }

        public void Dispose()
        {
            _rotary.Dispose();
            _inputs.Dispose();
            _dropout.Dispose();
            _scope.Dispose();
        }

        private static TrainingExample Example(int vocabulary, int row, int tokens)
        {
            var rng = new KeyedRandom(0, 0, (ulong)row);
            int[] ids = [.. Enumerable.Range(0, tokens).Select(_ => rng.Between(0, vocabulary - 1))];
            return new TrainingExample(ids, [.. Enumerable.Range(0, tokens)], ids);
        }
    }
}
