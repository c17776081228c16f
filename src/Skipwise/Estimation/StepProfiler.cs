using System.Diagnostics;
using System.Runtime;
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
/// A model's embedding, head and one of its layers with random weights: enough to measure what the training step does with them. Depth is
/// one layer run several times, as many as the model has where that takes a moment.
/// </summary>
internal sealed class StepProfiler : IDisposable
{
    private const int Repeats = 3;
    private const string LayerPrefix = "model.layers.";
    private const double Warmest = 2; // seconds that one size warms up at most
    private const double Least = 1; // seconds that one size is measured
    private const double LongestRun = 4; // seconds that layers one after the other take, about; one may take longer
    private const double Disturbed = 0.05; // of the time stolen, from which on a quiet moment is waited for
    private static readonly TimeSpan s_warmRound = TimeSpan.FromSeconds(0.5); // at the end of which it is asked whether code was still compiled
    private readonly int _layers;
    private readonly CausalLM _model;
    private readonly MasterWeights _masters;
    private readonly OptimizerKind _optimizer;
    private readonly DeviceMemory _memory;
    private readonly TimeSpan _patience, _warmest, _least;
    private readonly CancellationToken _stop;

    /// <param name="config">of the whole model</param>
    /// <param name="lora">how it is adapted</param>
    /// <param name="compute">where and in which type it computes</param>
    /// <param name="offload">masters and the optimizer's state stay in host memory</param>
    /// <param name="effort">how long one part warms up and is repeated, in wait of a quiet moment; the last repeat may run beyond</param>
    public StepProfiler(
        DecoderConfig config, LoraOptions lora, OptimizerKind optimizer, (Device Device, ScalarType Dtype) compute, bool offload,
        ProfilingBudget effort)
    {
        TimeSpan UpTo(double seconds) => TimeSpan.FromSeconds(Math.Min(effort.Seconds, seconds));
        (_patience, _warmest, _least, _stop) = (UpTo(effort.Seconds), UpTo(Warmest), UpTo(Least), effort.Stop);
        _memory = DeviceMemory.For(compute.Device);
        _optimizer = optimizer;
        _layers = config.NumHiddenLayers;
        bool mostSeeAll = 2 * config.FirstSlidingLayer > config.NumHiddenLayers;
        _model = new CausalLM(config with { NumHiddenLayers = 1, FirstSlidingLayer = mostSeeAll ? 1 : 0 });
        using (no_grad())
        {
            foreach (Parameter weight in _model.parameters())
            {
                _ = weight.dim() == 1 ? weight.fill_(1) : weight.uniform_(-0.02, 0.02);
            }
        }
        if (lora.IsEnabled)
        {
            LoraInjector.Apply(_model, lora, seed: 0);
        }
        _masters = MasterWeights.Create(_model, compute.Dtype, compute.Device, offload);
    }

    /// <summary>Bytes of the layer's weights, and of all others.</summary>
    public (long Layer, long Ends) Weights => (Bytes(IsOfLayer, _ => true) + LoraInjector.QuantizedBytes(_model), Bytes(name => !IsOfLayer(name), _ => true));

    /// <summary>Bytes of those that are trained.</summary>
    public (long Layer, long Ends) Trained => (Bytes(IsOfLayer, p => p.requires_grad), Bytes(name => !IsOfLayer(name), p => p.requires_grad));

    /// <summary>Seconds that one layer takes forward and back at [batch, length]; tried once.</summary>
    public double Seconds(int batch, int length, bool isRecomputed)
    {
        using var trial = new ProfiledStep(this, batch, length, isRecomputed);
        trial.Layers(1); // kernels are chosen and code is compiled
        return trial.Layers(1).Seconds;
    }

    /// <summary>One layer forward and back at [batch, length], among others like it; checkpointed: forward twice.</summary>
    public LayerTiming Layer(int batch, int length, bool isRecomputed)
    {
        using var trial = new ProfiledStep(this, batch, length, isRecomputed);
        WarmUp(() => trial.Layers(1));
        // Half of the memory is left alone: the whole model need not fit.
        long room = (_memory.Total - _memory.Reserved()) / 2 / Math.Max(1, trial.SavedBytes(2) - trial.SavedBytes(1));
        int depth = (int)Math.Clamp(Math.Min(LongestRun / trial.Layers(1).Seconds, room), 1, _layers);
        return new LayerTiming(batch, length, (1.0 / depth) * Median(() => trial.Layers(depth)));
    }

    /// <summary>Embedding, head and loss forward and back, with so many tokens.</summary>
    public ComputeTime EmbeddingAndHead(int tokens)
    {
        using var trial = new ProfiledStep(this, batch: 1, tokens, isRecomputed: false);
        WarmUp(() => trial.EmbeddingAndHead());
        return Median(trial.EmbeddingAndHead);
    }

    /// <summary>
    /// What forward and backward of [batch, length] hold. It is asked after the time, when little code is left to compile: the compiler takes megabytes of the same heap for
    /// a while. What the runtime takes now and then only adds to a peak, but may stand on either side of a difference.
    /// </summary>
    public MemorySample Bytes(int batch, int length, bool isRecomputed)
    {
        using var trial = new ProfiledStep(this, batch, length, isRecomputed);
        static long Lowest(Func<long> peak) => Enumerable.Range(0, Repeats).Min(_ => peak());
        long saved = Enumerable.Range(0, Repeats).Select(_ => trial.SavedBytes(3) - trial.SavedBytes(2)).Order().ElementAt(Repeats / 2);
        return new MemorySample((long)batch * length, saved, Lowest(trial.LayerPeak), Lowest(trial.HeadPeak));
    }

    /// <summary>The optimizer's update alone, at a learning rate of 0, and the bytes that it keeps for the layer and for all others, float32 masters included.</summary>
    public (ComputeTime Time, long Layer, long Ends) Update()
    {
        using var optimizer = Optimizer.Create(_model, new TrainOptions { Optimizer = _optimizer }, _masters);
        ComputeTime Clock()
        {
            using var scope = NewDisposeScope();
            foreach (Parameter parameter in _model.parameters().Where(p => p.requires_grad))
            {
                parameter.grad = zeros_like(parameter); // a real one comes out of the way back, whose time it is part of
            }
            ComputeTime before = Now();
            optimizer.ClipAndStep(0, 1);
            return Now() - before;
        }
        Clock();
        ComputeTime time = Median(Clock);
        List<(string Name, Tensor Value)> saved = [.. optimizer.State(), .. _masters.AreSeparate ? _masters.Entries.Select(weight => (weight.Name, weight.Master)) : []];
        long Of(bool ofLayer) => saved.Where(state => state.Name.Contains(LayerPrefix, StringComparison.Ordinal) == ofLayer).Sum(state => state.Value.numel() * state.Value.element_size());
        return (time, Of(true), Of(false));
    }

    /// <summary>Bytes that the program takes beside tensors, now that it has done all that a step does.</summary>
    public long ProcessBytes() => Math.Max(0, _memory.Reserved() - Weights.Layer - Weights.Ends);

    public void Dispose()
    {
        _masters.Dispose();
        _model.Dispose();
    }

    private long Bytes(Func<string, bool> isMeant, Func<Parameter, bool> counts) =>
        _model.named_parameters().Where(p => isMeant(p.name) && counts(p.parameter)).Sum(p => p.parameter.numel() * p.parameter.element_size());

    private static bool IsOfLayer(string name) => name.StartsWith(LayerPrefix, StringComparison.Ordinal);

    private void ZeroGrad()
    {
        foreach (Parameter parameter in _model.parameters())
        {
            parameter.grad = null;
        }
    }

    private ComputeTime Now()
    {
        if (_model.Device.type == DeviceType.CUDA)
        {
            cuda.synchronize(_model.Device); // a GPU works on while the host is done
        }
        using var self = Process.GetCurrentProcess();
        return new(Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency, self.TotalProcessorTime.TotalSeconds);
    }

    /// <summary>
    /// Steps until their code is compiled for good, which .NET does on another core some time after the thirtieth call. Long steps do not wait for it: what it costs them does
    /// not show.
    /// </summary>
    private void WarmUp(Action step)
    {
        const int calls = 40;
        var warming = Stopwatch.StartNew();
        long compiled;
        do
        {
            compiled = JitInfo.GetCompiledMethodCount();
            var round = Stopwatch.StartNew();
            for (int done = 0; warming.Elapsed < _warmest && (done < calls || round.Elapsed < s_warmRound); done++)
            {
                step();
            }
        }
        while (warming.Elapsed < _warmest && compiled < JitInfo.GetCompiledMethodCount());
    }

    /// <summary>The middle one of its times, as it will be of a training's steps; where neighbours take the machine's time, of more of them: their bursts are short.</summary>
    private ComputeTime Median(Func<ComputeTime> clock)
    {
        List<ComputeTime> times = [];
        StealTime before = StealTime.Now();
        var waited = Stopwatch.StartNew();
        do
        {
            times.Add(clock());
        }
        while (waited.Elapsed < (times.Count < Repeats || StealTime.Now().FractionSince(before) > Disturbed ? _patience : _least));
        double Of(Func<ComputeTime, double> part) => times.Select(part).Order().ElementAt(times.Count / 2);
        return new(Of(time => time.Seconds), Of(time => time.CpuSeconds));
    }

    private TrainingExample Example(int row, int tokens)
    {
        var rng = new KeyedRandom(0, 0, (ulong)row);
        int[] ids = new int[tokens];
        for (int i = 0; i < tokens; i++)
        {
            ids[i] = rng.Between(0, _model.Config.VocabSize - 1);
        }
        return new TrainingExample(ids, [.. Enumerable.Range(0, tokens)], ids);
    }

    /// <summary>A step of [batch, length], laid out for as long as its parts are measured.</summary>
    private sealed class ProfiledStep : IDisposable
    {
        private readonly StepProfiler _probe;
        private readonly DisposeScope _scope = NewDisposeScope();
        private readonly IDisposable _dropout;
        private readonly Batch _inputs;
        private readonly Rotary _rotary;
        private readonly Tensor _hidden, _toOutput, _total; // a layer's input; its output's gradient; where the loss adds up
        private readonly IReadOnlyList<Func<Tensor, Tensor>> _blocks;
        private readonly int _checkpointEvery;

        public ProfiledStep(StepProfiler probe, int batch, int length, bool isRecomputed)
        {
            (_probe, _checkpointEvery) = (probe, isRecomputed ? 1 : 0);
            CausalLM model = probe._model;
            _dropout = model.Dropout.ForMicroBatch(0);
            _inputs = Batch.Padded([.. Enumerable.Range(0, batch).Select(row => probe.Example(row, length))], model.Device);
            _rotary = CausalLoss.RotaryFor(model, _inputs);
            _blocks = model.Blocks(length, _rotary, []);
            _hidden = model.Embed(_inputs.InputIds).detach().requires_grad_(); // most layers' inputs ask for a gradient, also where the embedding is frozen
            _toOutput = ones_like(_hidden);
            _total = zeros([], ScalarType.Float64, model.Device);
        }

        /// <summary>How long so many layers take, and the final norm.</summary>
        public ComputeTime Layers(int depth) => TimeOf(() => ForwardBackward(depth));

        /// <summary>How long embedding, head and loss take.</summary>
        public ComputeTime EmbeddingAndHead() => TimeOf(() =>
        {
            Tensor embedded = _probe._model.Embed(_inputs.InputIds), gradient = HeadGradient();
            if (embedded.requires_grad)
            {
                embedded.backward([gradient]);
            }
        });

        /// <summary>Bytes that so many layers keep for the way back.</summary>
        public long SavedBytes(int depth)
        {
            using var scope = NewDisposeScope();
            using var tape = new LayerwiseBackward();
            _probe._memory.EmptyCache(); // what nobody holds any more would go meanwhile
            long before = _probe._memory.Allocated();
            tape.Forward(Depth(depth), _hidden, _checkpointEvery);
            return _probe._memory.Allocated() - before;
        }

        /// <summary>The most bytes in use while one layer goes forward and back.</summary>
        public long LayerPeak() => PeakDuring(() => ForwardBackward(1));

        /// <summary>The same of the head and the loss.</summary>
        public long HeadPeak() => PeakDuring(() => HeadGradient());

        public void Dispose()
        {
            _rotary.Dispose();
            _inputs.Dispose();
            _dropout.Dispose();
            _scope.Dispose();
        }

        private IReadOnlyList<Func<Tensor, Tensor>> Depth(int layers) => [.. Enumerable.Repeat(_blocks[0], layers), _blocks[^1]];

        private void ForwardBackward(int depth)
        {
            using var tape = new LayerwiseBackward();
            tape.Forward(Depth(depth), _hidden, _checkpointEvery).Dispose();
            tape.Backward(_toOutput);
        }

        private Tensor HeadGradient() =>
            CausalLoss.HeadGradient(_probe._model, _hidden, _inputs, _inputs.Tokens, logitsPerChunk: null, _total);

        private ComputeTime TimeOf(Action work)
        {
            _probe._stop.ThrowIfCancellationRequested();
            ComputeTime before = _probe.Now();
            using (NewDisposeScope())
            {
                work();
            }
            ComputeTime taken = _probe.Now() - before;
            _probe.ZeroGrad();
            return taken;
        }

        private long PeakDuring(Action work)
        {
            _probe._stop.ThrowIfCancellationRequested();
            long peak = _probe._memory.PeakDuring(() =>
            {
                using var scope = NewDisposeScope();
                work();
            });
            _probe.ZeroGrad();
            return peak;
        }
    }
}
