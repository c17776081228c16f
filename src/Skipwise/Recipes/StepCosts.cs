using Skipwise.Models;
using Skipwise.Models.Fused;
using Skipwise.Models.Lora;
using Skipwise.Training;
using static TorchSharp.torch;

namespace Skipwise.Recipes;

/// <summary>What a training step of a model costs at any batch and length: a probe's measurements, put together by how a step goes.</summary>
/// <remarks>
/// Time of a layer: call + per token * (batch * length) + per pair * (batch * length^2), fitted to three lengths, unless the step itself is
/// tried. Memory: on the way back, at layer i, there are what the layers below keep, the gradients of those above, and what the layer itself
/// (or the head, at the top) needs: the peak is the largest of these sums. All but libtorch's mask of a sliding window grows with the tokens
/// alone, for attention is fused.
/// </remarks>
internal sealed class StepCosts
{
    private const int FirstTokens = 2048; // that are tried, before more are
    private const double LongestStep = 0.5; // seconds with one layer, up to which twice the tokens are tried as well
    private const double Holes = 0.1; // that the heap has between what is in use: by so much measured steps exceed the sum (docs/training.md)
    internal const double Usable = 0.9; // of the memory, for a batch that is proposed
    private readonly DecoderConfig _config;
    private readonly int _checkpointEvery;
    private readonly (long Layer, long Ends) _weights, _trained, _optimizer;
    private readonly LayerCosts _kept, _checkpointed;
    private readonly ComputeTime _update;
    private readonly bool _isNarrow, _isTiled, _offloads; // the type that is computed in; whether our own kernels do; whether the optimizer's state is in host memory
    private readonly long _process;

    private StepCosts(DecoderConfig config, int checkpointEvery, StepProbe probe, LayerCosts kept, LayerCosts checkpointed, (Device Device, ScalarType Dtype) compute, bool offload)
    {
        (_config, _checkpointEvery, _weights, _trained, _kept, _checkpointed) = (config, checkpointEvery, probe.Weights, probe.Trained, kept, checkpointed);
        (_isNarrow, _isTiled, _offloads) = (compute.Dtype != ScalarType.Float32, Tiles.Serve(compute.Dtype, compute.Device), offload);
        (ComputeTime update, long ofLayer, long ofEnds) = probe.Update();
        (_update, _optimizer) = ((Trained / (double)Math.Max(1, _trained.Layer + _trained.Ends)) * update, (ofLayer, ofEnds));
        _process = probe.ProcessBytes();
    }

    private long Trained => (_config.NumHiddenLayers * _trained.Layer) + _trained.Ends;

    /// <param name="batch">windows per forward, and</param>
    /// <param name="length">tokens per window that the costs are exact for, if a step of one layer takes no longer than a moment; else they follow from a smaller one</param>
    /// <param name="probeTokens">tokens of the largest step that is tried; null: as many as take a moment</param>
    public static StepCosts Measure(
        DecoderConfig config, LoraOptions lora, OptimizerKind optimizer, (Device Device, ScalarType Dtype) compute, bool offload, int checkpointEvery, int batch, int length, int? probeTokens)
    {
        using var probe = new StepProbe(config, lora, optimizer, compute, offload);
        int tokens = probeTokens ?? FirstTokens, halvings = 0;
        while (length >> halvings > tokens) // halved, so that it divides into blocks as the real one does
        {
            halvings++;
        }
        int rows = Math.Clamp(tokens / (length >> halvings), 1, batch);
        while (probeTokens is null && (halvings > 0 || rows < batch) && probe.Seconds(rows, length >> halvings, checkpointEvery == 1) < LongestStep)
        {
            (halvings, rows) = halvings > 0 ? (halvings - 1, rows) : (0, Math.Min(batch, 2 * rows));
        }
        length >>= halvings;
        int half = Math.Max(1, length / 2), quarter = Math.Max(1, length / 4);
        int[] timed = halvings == 0 && rows == batch ? [length] : [quarter, half, length]; // a step that is tried as it will be needs no formula
        LayerCosts Of(bool isCheckpointed) => LayerCosts.Fit(
            [.. timed.Select(tried => probe.Time(rows, tried, isCheckpointed))], probe.Bytes(rows, half, isCheckpointed), probe.Bytes(rows, length, isCheckpointed));
        LayerCosts kept = Of(checkpointEvery == 1), checkpointed = checkpointEvery > 1 ? Of(true) : kept;
        return new StepCosts(config, checkpointEvery, probe, kept, checkpointed, compute, offload);
    }

    public ComputeTime Time(int batch, int length, int accumulation)
    {
        ComputeTime micro = _kept.Ends(batch, length);
        for (int layer = 0; layer < _config.NumHiddenLayers; layer++)
        {
            micro += Costs(layer).Layer(batch, length);
        }
        return (accumulation * micro) + _update;
    }

    public MemoryEstimate Memory(long batch, int length, int accumulation)
    {
        long tokens = batch * length, state = tokens * _config.HiddenSize * sizeof(float);
        int layers = _config.NumHiddenLayers;
        // What earlier micro-batches left: gradients of a narrow type have been set aside in float32, others have their place.
        long gathered = accumulation > 1 && _isNarrow ? Trained * sizeof(float) / sizeof(ushort) : 0;
        bool isInPlace = accumulation > 1 && !_isNarrow;
        // The head comes first, on top of what every layer keeps; its gradient stays.
        long head = Math.Min(_trained.Ends, (long)_config.VocabSize * _config.HiddenSize * (_isNarrow ? sizeof(ushort) : sizeof(float)));
        long below = Enumerable.Range(0, layers).Sum(layer => Costs(layer).Kept(tokens)), above = head;
        long largest = state + below + _kept.HeadPeak(tokens) + (isInPlace ? Trained - head : 0);
        for (int layer = layers - 1; layer >= 0; layer--)
        {
            below -= Costs(layer).Kept(tokens);
            long gradients = isInPlace ? Trained - _trained.Layer : above; // besides the layer's own, which its peak holds
            largest = Math.Max(largest, (2 * state) + below + Costs(layer).LayerPeak(tokens) + gradients); // the last output, and the gradient that arrives
            above += _trained.Layer;
        }
        // The embedding comes last, its input and its gradient beside every other gradient; in a tied model it then adds up with the head's.
        long embedding = _trained.Ends == 0 ? 0 : (4 * state) + (_config.TieWordEmbeddings ? (long)_config.VocabSize * _config.HiddenSize * sizeof(float) : 0);
        largest = Math.Max(largest, Trained + embedding) + gathered + Mask(length);
        largest += (long)(Holes * largest);
        long weights = (layers * _weights.Layer) + _weights.Ends, optimizer = (layers * _optimizer.Layer) + _optimizer.Ends;
        int scoreCopies = _isTiled ? 1 : 3; // libtorch's softmax needs a second, and one in passing
        long logits = (long)scoreCopies * sizeof(float) * Math.Min(Math.Min(tokens, CausalLoss.TokensPerChunk) * _config.VocabSize, CausalLoss.ScoresPerChunk);
        return new(_process, weights, Trained, optimizer, largest, logits, _process + weights + (_offloads ? 0 : optimizer) + largest);
    }

    /// <summary>The most windows per forward that <paramref name="memory"/> bytes hold, with a tenth to spare for what the formula does not know; 0 when not even one.</summary>
    public int LargestBatch(int length, int accumulation, long memory)
    {
        int largest = 0;
        for (int step = 1 << 20; step > 0; step /= 2) // the peak rises with the batch
        {
            largest += Memory(largest + step, length, accumulation).Peak <= Usable * memory ? step : 0;
        }
        return largest;
    }

    private LayerCosts Costs(int layer) => _checkpointEvery > 0 && layer % _checkpointEvery == 0 ? _checkpointed : _kept;

    /// <summary>libtorch's attention needs a matrix [T, T] for a sliding window shorter than the sequence, and two of one byte while it is made.</summary>
    private long Mask(int length) => _config.SlidingWindow < length && !_isTiled ? (sizeof(float) + 2L) * length * length : 0;

    /// <summary>How one layer's costs, and those of all that is no layer, grow.</summary>
    private sealed record LayerCosts(Polynomial LayerSeconds, Polynomial LayerCpu, Polynomial EndsSeconds, Polynomial EndsCpu, Line KeptBytes, Line LayerPeakBytes, Line HeadPeakBytes)
    {
        public static LayerCosts Fit(ProbedTime[] times, ProbedBytes less, ProbedBytes more) => new(
            Polynomial.Through(times, t => t.Layer.Seconds), Polynomial.Through(times, t => t.Layer.CpuSeconds), Polynomial.Through(times, t => t.Ends.Seconds), Polynomial.Through(times, t => t.Ends.CpuSeconds),
            Line.Through(less, more, b => b.Kept), Line.Through(less, more, b => b.LayerPeak), Line.Through(less, more, b => b.HeadPeak));

        public ComputeTime Layer(int batch, int length) => new(LayerSeconds.At(batch, length), LayerCpu.At(batch, length));

        public ComputeTime Ends(int batch, int length) => new(EndsSeconds.At(batch, length), EndsCpu.At(batch, length));

        public long Kept(long tokens) => KeptBytes.At(tokens);

        public long LayerPeak(long tokens) => LayerPeakBytes.At(tokens);

        public long HeadPeak(long tokens) => HeadPeakBytes.At(tokens);
    }

    /// <summary>What is always there, and so much per token.</summary>
    private readonly record struct Line(double Always, double PerToken)
    {
        public static Line Through(ProbedBytes one, ProbedBytes two, Func<ProbedBytes, long> bytes)
        {
            double perToken = Math.Max(0, (double)(bytes(two) - bytes(one)) / Math.Max(1, two.Tokens - one.Tokens));
            return new(Math.Max(0, bytes(two) - (perToken * two.Tokens)), perToken);
        }

        public long At(long tokens) => (long)(Always + (PerToken * tokens));
    }

    /// <summary>call + per token * (batch * length) + per pair * (batch * length^2).</summary>
    private readonly record struct Polynomial(double Call, double PerToken, double PerPair)
    {
        /// <summary>Through the longest of three probes, and as near to the others as costs that are not negative allow; through the only one.</summary>
        public static Polynomial Through(ProbedTime[] probes, Func<ProbedTime, double> cost)
        {
            if (probes.Length == 1)
            {
                return new(cost(probes[0]), 0, 0);
            }
            (double x1, double y1) = (probes[0].Length, cost(probes[0]) / probes[0].Batch);
            (double x2, double y2) = (probes[1].Length, cost(probes[1]) / probes[1].Batch);
            (double x3, double y3) = (probes[2].Length, cost(probes[2]) / probes[2].Batch);
            double slope12 = x2 > x1 ? (y2 - y1) / (x2 - x1) : 0, slope23 = x3 > x2 ? (y3 - y2) / (x3 - x2) : 0;
            double perPair = x3 > x1 ? Math.Max(0, (slope23 - slope12) / (x3 - x1)) : 0;
            double perToken = Math.Clamp(slope23 - (perPair * (x2 + x3)), 0, Math.Max(0, (y3 / x3) - (perPair * x3)));
            double call = Math.Max(0, y3 - (perToken * x3) - (perPair * x3 * x3));
            return new(call * probes[2].Batch, perToken, perPair);
        }

        public double At(int batch, int length) => Call + (batch * ((PerToken * length) + (PerPair * length * length)));
    }
}
