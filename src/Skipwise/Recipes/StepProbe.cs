using System.Diagnostics;
using System.Runtime;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Numerics;
using Skipwise.Runtime;
using Skipwise.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <param name="Seconds">on the clock</param>
/// <param name="CpuSeconds">of all threads, user and system</param>
internal readonly record struct ComputeTime(double Seconds, double CpuSeconds)
{
    public static ComputeTime operator +(ComputeTime a, ComputeTime b) => new(a.Seconds + b.Seconds, a.CpuSeconds + b.CpuSeconds);

    public static ComputeTime operator -(ComputeTime a, ComputeTime b) => new(a.Seconds - b.Seconds, a.CpuSeconds - b.CpuSeconds);

    public static ComputeTime operator *(double times, ComputeTime one) => new(times * one.Seconds, times * one.CpuSeconds);
}

/// <summary>How long one layer, and all that is not a layer, take at one size.</summary>
/// <param name="Ends">embedding, final norm, head and loss, forward and back</param>
/// <param name="Layer">forward and back; checkpointed: forward twice</param>
internal sealed record ProbedTime(int Batch, int Length, ComputeTime Ends, ComputeTime Layer);

/// <summary>Bytes at one size.</summary>
/// <param name="Kept">what a layer keeps between forward and back</param>
/// <param name="LayerPeak">in use at the most while a layer goes forward and back, its gradients included</param>
/// <param name="HeadPeak">the same of head and loss</param>
internal sealed record ProbedBytes(long Tokens, long Kept, long LayerPeak, long HeadPeak);

/// <summary>
/// A model's embedding, head and one of its layers with random weights: enough to measure what the training step does with them. Depth is
/// one layer run several times, as many as the model has where that takes a moment.
/// </summary>
internal sealed class StepProbe : IDisposable
{
    private const int Repeats = 3;
    private const string LayerPrefix = "model.layers.";
    private const double DeepestLayers = 4; // seconds that the layers take, at most, by which a deep step is deeper, about
    private const double LeastShare = 0.05; // of a step of one layer, that another one is taken to add
    private static readonly TimeSpan s_warmRound = TimeSpan.FromSeconds(0.5); // at the end of which it is asked whether code was still compiled
    private static readonly TimeSpan s_warmest = TimeSpan.FromSeconds(2); // that one size warms up at most
    private static readonly TimeSpan s_least = TimeSpan.FromSeconds(1); // that one size is measured
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10); // for one size; the last repeat may run beyond
    private readonly int _layers;
    private readonly CausalLM _model;
    private readonly MasterWeights _masters;
    private readonly OptimizerKind _optimizer;
    private readonly DeviceMemory _memory;

    /// <param name="config">of the whole model</param>
    /// <param name="lora">how it is adapted</param>
    /// <param name="compute">where and in which type it computes</param>
    /// <param name="offload">masters and the optimizer's state stay in host memory</param>
    public StepProbe(DecoderConfig config, LoraOptions lora, OptimizerKind optimizer, (Device Device, ScalarType Dtype) compute, bool offload)
    {
        _memory = DeviceMemory.Of(compute.Device);
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
        if (lora.IsAsked)
        {
            Adaptation.Apply(_model, lora, seed: 0);
        }
        _masters = MasterWeights.Of(_model, compute.Dtype, compute.Device, offload);
    }

    /// <summary>Bytes of the layer's weights, and of all others.</summary>
    public (long Layer, long Ends) Weights => (Bytes(IsOfLayer, _ => true) + Adaptation.PackedBytes(_model), Bytes(name => !IsOfLayer(name), _ => true));

    /// <summary>Bytes of those that are trained.</summary>
    public (long Layer, long Ends) Trained => (Bytes(IsOfLayer, p => p.requires_grad), Bytes(name => !IsOfLayer(name), p => p.requires_grad));

    /// <summary>How long one forward and backward of [batch, length] takes.</summary>
    public double Seconds(int batch, int length, bool isCheckpointed) => With(batch, length, isCheckpointed, (clock, _, _, _) =>
    {
        clock(1); // kernels are chosen and code is compiled
        return clock(1).Seconds;
    });

    /// <summary>Forward and backward of [batch, length].</summary>
    public ProbedTime Time(int batch, int length, bool isCheckpointed) => With(batch, length, isCheckpointed, (clock, keeps, _, _) =>
    {
        WarmUp(() => clock(1));
        // A layer is the difference of a deep step and a shallow one: more layers, less noise. Half of the memory is left alone: the whole model need not fit.
        long room = (_memory.Size - _memory.Taken()) / 2 / Math.Max(1, keeps(2) - keeps(1));
        var waited = Stopwatch.StartNew();
        double alone = clock(1).Seconds, oneMore = Math.Max(clock(2).Seconds - alone, LeastShare * alone);
        int more = (int)Math.Clamp(Math.Min(DeepestLayers / oneMore, room), 1, Math.Max(1, _layers - 1));
        List<ComputeTime> shallow = [], deep = [];
        do
        {
            shallow.Add(clock(1));
            deep.Add(clock(1 + more));
        }
        while (waited.Elapsed < (shallow.Count < Repeats ? s_patience : s_least));
        ComputeTime layer = (1.0 / more) * (Undisturbed(deep) - Undisturbed(shallow));
        return new ProbedTime(batch, length, Undisturbed(shallow) - layer, layer);
    });

    /// <summary>
    /// What forward and backward of [batch, length] hold. It is asked after the time, when little code is left to compile: the compiler takes megabytes of the same heap for
    /// a while. What the runtime takes now and then only adds to a peak, but may stand on either side of a difference.
    /// </summary>
    public ProbedBytes Bytes(int batch, int length, bool isCheckpointed) => With(batch, length, isCheckpointed, (_, keeps, layerPeak, headPeak) =>
    {
        long Least(Func<long> peak) => Enumerable.Range(0, Repeats).Min(_ => peak());
        long kept = Enumerable.Range(0, Repeats).Select(_ => keeps(3) - keeps(2)).Order().ElementAt(Repeats / 2);
        return new ProbedBytes((long)batch * length, kept, Least(layerPeak), Least(headPeak));
    });

    /// <summary>
    /// Steps until their code is compiled for good, which .NET does on another core some time after the thirtieth call. Long steps do not wait for it: what it costs them does
    /// not show.
    /// </summary>
    private static void WarmUp(Action step)
    {
        const int calls = 40;
        var warming = Stopwatch.StartNew();
        long compiled;
        do
        {
            compiled = JitInfo.GetCompiledMethodCount();
            var round = Stopwatch.StartNew();
            for (int done = 0; warming.Elapsed < s_warmest && (done < calls || round.Elapsed < s_warmRound); done++)
            {
                step();
            }
        }
        while (warming.Elapsed < s_warmest && compiled < JitInfo.GetCompiledMethodCount());
    }

    /// <summary>Lays out a step of [batch, length], for as long as it is measured.</summary>
    /// <param name="measure">gets: the time of a step of so many layers; the bytes that so many layers keep; the most bytes in use in one layer, and in the head</param>
    private T With<T>(int batch, int length, bool isCheckpointed, Func<Func<int, ComputeTime>, Func<int, long>, Func<long>, Func<long>, T> measure)
    {
        using var scope = NewDisposeScope();
        using IDisposable dropout = _model.Dropout.For(0);
        using Batch inputs = Batch.Of([.. Enumerable.Range(0, batch).Select(row => Example(row, length))], _model.Device);
        using Rotary rotary = _model.RotaryFor(inputs.PositionIds, length);
        IReadOnlyList<Func<Tensor, Tensor>> parts = _model.Blocks(length, rotary, []);
        IReadOnlyList<Func<Tensor, Tensor>> Blocks(int layers) => [.. Enumerable.Repeat(parts[0], layers), parts[^1]];
        int checkpointEvery = isCheckpointed ? 1 : 0;

        Tensor? Through(Tensor embedded, int layers) =>
            CausalLoss.ThroughBlocks(_model, Blocks(layers), embedded, inputs, inputs.Tokens, checkpointEvery, CausalLoss.ScoresPerChunk, zeros([], ScalarType.Float64, _model.Device));
        void Step(int layers)
        {
            using var step = NewDisposeScope();
            Tensor embedded = _model.Embed(inputs.InputIds);
            if (Through(embedded, layers) is { } gradient && embedded.requires_grad)
            {
                embedded.backward([gradient]);
            }
        }
        ComputeTime Clock(int layers)
        {
            ComputeTime before = Now();
            Step(layers);
            ComputeTime taken = Now() - before;
            Forget();
            return taken;
        }
        Tensor input = _model.Embed(inputs.InputIds);
        long Keeps(int layers)
        {
            using var step = NewDisposeScope();
            using var tape = new LayerTape();
            _memory.GiveBack(); // what nobody holds any more would go meanwhile
            long before = _memory.Held();
            tape.Forward(Blocks(layers), input, checkpointEvery);
            return _memory.Held() - before;
        }
        long PeakOf(Action work)
        {
            long peak = _memory.PeakDuring(() =>
            {
                using var step = NewDisposeScope();
                work();
            });
            Forget();
            return peak;
        }
        Tensor toOutput = ones_like(input);
        long LayerPeak() => PeakOf(() =>
        {
            using var tape = new LayerTape();
            tape.Forward(Blocks(1), input, checkpointEvery).Dispose();
            tape.Backward(toOutput);
        });
        long HeadPeak() => PeakOf(() => CausalLoss.HeadGradient(_model, input, inputs, inputs.Tokens, CausalLoss.ScoresPerChunk, zeros([], ScalarType.Float64, _model.Device)));
        return measure(Clock, Keeps, LayerPeak, HeadPeak);
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
            optimizer.Step(0, 1);
            return Now() - before;
        }
        Clock();
        var waited = Stopwatch.StartNew();
        List<ComputeTime> times = [];
        do
        {
            times.Add(Clock());
        }
        while (times.Count < Repeats || waited.Elapsed < s_least);
        List<(string Name, Tensor Value)> kept = [.. optimizer.State(), .. _masters.AreApart ? _masters.All.Select(weight => (weight.Name, weight.Master)) : []];
        long Of(bool ofLayer) => kept.Where(state => state.Name.Contains(LayerPrefix, StringComparison.Ordinal) == ofLayer).Sum(state => state.Value.numel() * state.Value.element_size());
        return (Undisturbed(times), Of(true), Of(false));
    }

    /// <summary>Bytes that the program takes beside tensors, now that it has done all that a step does.</summary>
    public long ProcessBytes() => Math.Max(0, _memory.Taken() - Weights.Layer - Weights.Ends);

    public void Dispose()
    {
        _masters.Dispose();
        _model.Dispose();
    }

    private long Bytes(Func<string, bool> isMeant, Func<Parameter, bool> counts) =>
        _model.named_parameters().Where(p => isMeant(p.name) && counts(p.parameter)).Sum(p => p.parameter.numel() * p.parameter.element_size());

    private static bool IsOfLayer(string name) => name.StartsWith(LayerPrefix, StringComparison.Ordinal);

    private void Forget()
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

    /// <summary>What a third of the times is below: nearer to the quicker ones, for what disturbs a step only ever slows it.</summary>
    private static ComputeTime Undisturbed(List<ComputeTime> times)
    {
        double Of(Func<ComputeTime, double> part) => times.Select(part).Order().ElementAt(times.Count / 3);
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
}
