using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Runtime;
using Skipwise.Training.Optimizers;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>What a training step of a model costs at any batch and length: a probe's measurements, put together by how a step goes.</summary>
/// <remarks>
/// Time of a layer: per token * (batch * length) + per pair * (batch * length^2), by two lengths of as many tokens, unless the length itself is
/// tried. Memory: on the way back, at layer i, there are what the layers below keep, the gradients of those above, and what the layer itself
/// (or the head, at the top) needs: the peak is the largest of these sums. All but libtorch's mask of a sliding window grows with the tokens
/// alone, for attention is fused.
/// </remarks>
internal sealed class CostModel
{
    private const int FirstTokens = 2048; // that are tried, before more are
    private const double LongestLayer = 1.5; // seconds, up to which twice the tokens are tried as well
    private const double Fragmentation = 0.1; // that the heap has between what is in use: by so much measured steps exceed the sum (docs/training.md)
    internal const double UsableFraction = 0.9; // of the memory, for a batch that is proposed
    private readonly DecoderConfig _config;
    private readonly int _recomputeEvery;
    private readonly (long Layer, long Ends) _weights, _trained, _optimizer;
    private readonly LayerCosts _saved, _recomputed;
    private readonly ComputeTime _embeddingAndHeadPerToken, _update;
    private readonly KernelSet _kernels;
    private readonly bool _isNarrow, _offloads; // the type that is computed in; whether the optimizer's state is in host memory
    private readonly long _process;
    private readonly WorkBudget _budget;

    private CostModel(DecoderConfig config, int recomputeEvery, StepProfiler probe, LayerCosts saved, LayerCosts checkpointed, ComputeTime endsPerToken, (Device Device, ScalarType Dtype) compute, bool offload)
    {
        (_config, _recomputeEvery, _weights, _trained) = (config, recomputeEvery, probe.Weights, probe.Trained);
        (_saved, _recomputed, _embeddingAndHeadPerToken) = (saved, checkpointed, endsPerToken);
        (_isNarrow, _kernels, _offloads) = (compute.Dtype != ScalarType.Float32, KernelSet.For(compute.Device, compute.Dtype), offload);
        (ComputeTime update, long ofLayer, long ofEnds) = probe.Update();
        (_update, _optimizer) = ((Trained / (double)Math.Max(1, _trained.Layer + _trained.Ends)) * update, (ofLayer, ofEnds));
        _process = probe.ProcessBytes();
        _budget = WorkBudget.For(compute.Device);
    }

    private long Trained => (_config.NumHiddenLayers * _trained.Layer) + _trained.Ends;

    /// <param name="batch">windows per forward, and</param>
    /// <param name="length">tokens per window that the costs are exact for, if a step of one layer takes no longer than a moment; else they follow from a smaller one</param>
    public static CostModel Profile(
        DecoderConfig config, LoraOptions lora, OptimizerKind optimizer, (Device Device, ScalarType Dtype) compute, bool offload, int recomputeEvery, int batch, int length, ProfilingBudget effort)
    {
        using var probe = new StepProfiler(config, lora, optimizer, compute, offload, effort);
        int tokens = effort.Tokens ?? FirstTokens, halvings = 0;
        while (length >> halvings > tokens) // halved, so that it divides into blocks as the real one does
        {
            halvings++;
        }
        int rows = Math.Clamp(tokens / (length >> halvings), 1, batch);
        while (effort.Tokens is null && (halvings > 0 || rows < batch) && probe.Seconds(rows, length >> halvings, recomputeEvery == 1) < LongestLayer)
        {
            (halvings, rows) = halvings > 0 ? (halvings - 1, rows) : (0, Math.Min(batch, 2 * rows));
        }
        length >>= halvings;
        int embeddingAndHead = (int)Math.Min((long)rows * length, FirstTokens);
        ComputeTime endsPerToken = (1.0 / embeddingAndHead) * probe.EmbeddingAndHead(embeddingAndHead);
        LayerCosts Of(bool isRecomputed)
        {
            LayerTiming asLong = probe.Layer(rows, length, isRecomputed), shorter = halvings == 0 ? asLong : probe.Layer(4 * rows, Math.Max(1, length / 4), isRecomputed);
            return LayerCosts.Fit(asLong, shorter, probe.Bytes(rows, Math.Max(1, length / 2), isRecomputed), probe.Bytes(rows, length, isRecomputed));
        }
        LayerCosts saved = Of(recomputeEvery == 1), checkpointed = recomputeEvery > 1 ? Of(true) : saved;
        return new CostModel(config, recomputeEvery, probe, saved, checkpointed, endsPerToken, compute, offload);
    }

    public ComputeTime Time(int batch, int length, int accumulation)
    {
        ComputeTime micro = ((double)batch * length) * _embeddingAndHeadPerToken;
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
        long below = Enumerable.Range(0, layers).Sum(layer => Costs(layer).SavedFor(tokens)), above = head;
        long largest = state + below + _saved.HeadPeak(tokens) + (isInPlace ? Trained - head : 0);
        for (int layer = layers - 1; layer >= 0; layer--)
        {
            below -= Costs(layer).SavedFor(tokens);
            long gradients = isInPlace ? Trained - _trained.Layer : above; // besides the layer's own, which its peak holds
            largest = Math.Max(largest, (2 * state) + below + Costs(layer).LayerPeak(tokens) + gradients); // the last output, and the gradient that arrives
            above += _trained.Layer;
        }
        // The embedding comes last, its input and its gradient beside every other gradient; in a tied model it then adds up with the head's.
        long embedding = _trained.Ends == 0 ? 0 : (4 * state) + (_config.TieWordEmbeddings ? (long)_config.VocabSize * _config.HiddenSize * sizeof(float) : 0);
        largest = Math.Max(largest, Trained + embedding) + gathered + Mask(length);
        largest += (long)(Fragmentation * largest);
        long weights = (layers * _weights.Layer) + _weights.Ends, optimizer = (layers * _optimizer.Layer) + _optimizer.Ends;
        long scores = Math.Min((long)Math.Min(tokens, _budget.HeadTokens) * _config.VocabSize, _budget.MaxLogits);
        long logits = (long)_kernels.ScoreCopies * sizeof(float) * scores;
        return new(_process, weights, Trained, optimizer, largest, logits, _process + weights + (_offloads ? 0 : optimizer) + largest);
    }

    /// <summary>The most windows per forward that <paramref name="memory"/> bytes hold, with a tenth to spare for what the formula does not know; 0 when not even one.</summary>
    public int LargestBatch(int length, int accumulation, long memory)
    {
        int largest = 0;
        for (int step = 1 << 20; step > 0; step /= 2) // the peak rises with the batch
        {
            // a batch that no forward holds is none; nor could its bytes be counted
            bool isOne = (long)(largest + step) * length <= HostBatch.MostTokens;
            largest += isOne && Memory(largest + step, length, accumulation).Peak <= UsableFraction * memory ? step : 0;
        }
        return largest;
    }

    private LayerCosts Costs(int layer) => _recomputeEvery > 0 && layer % _recomputeEvery == 0 ? _recomputed : _saved;

    private long Mask(int length) => _kernels.AttentionPlanBytes(length, _config.SlidingWindow);

    /// <summary>How one layer's costs grow, and the head's bytes.</summary>
    private sealed record LayerCosts(QuadraticCost Seconds, QuadraticCost CpuSeconds, LinearCost SavedBytes, LinearCost LayerPeakBytes, LinearCost HeadPeakBytes)
    {
        public static LayerCosts Fit(LayerTiming asLong, LayerTiming shorter, MemorySample less, MemorySample more) => new(
            QuadraticCost.Fit(asLong, shorter, t => t.Seconds), QuadraticCost.Fit(asLong, shorter, t => t.CpuSeconds),
            LinearCost.Fit(less, more, b => b.Saved), LinearCost.Fit(less, more, b => b.LayerPeak), LinearCost.Fit(less, more, b => b.HeadPeak));

        public ComputeTime Layer(int batch, int length) => new(Seconds.At(batch, length), CpuSeconds.At(batch, length));

        public long SavedFor(long tokens) => SavedBytes.At(tokens);

        public long LayerPeak(long tokens) => LayerPeakBytes.At(tokens);

        public long HeadPeak(long tokens) => HeadPeakBytes.At(tokens);
    }

    /// <summary>What is always there, and so much per token.</summary>
    private readonly record struct LinearCost(double Constant, double PerToken)
    {
        public static LinearCost Fit(MemorySample one, MemorySample two, Func<MemorySample, long> bytes)
        {
            double perToken = Math.Max(0, (double)(bytes(two) - bytes(one)) / Math.Max(1, two.Tokens - one.Tokens));
            return new(Math.Max(0, bytes(two) - (perToken * two.Tokens)), perToken);
        }

        public long At(long tokens) => (long)(Constant + (PerToken * tokens));
    }

    /// <summary>per token * (batch * length) + per pair * (batch * length^2).</summary>
    private readonly record struct QuadraticCost(double PerToken, double PerPair)
    {
        /// <summary>Through both probes, or the first alone if they are of one length; neither part is negative.</summary>
        /// <remarks>With as many tokens in both, what one is dearer than the other is the pairs' alone. A parabola through three lengths multiplied their noise by ten at twice the length.</remarks>
        public static QuadraticCost Fit(LayerTiming asLong, LayerTiming shorter, Func<ComputeTime, double> cost)
        {
            double ByToken(LayerTiming probe) => cost(probe.Time) / ((long)probe.Batch * probe.Length);
            double whole = ByToken(asLong), perPair = asLong.Length == shorter.Length ? 0 : Math.Clamp((whole - ByToken(shorter)) / (asLong.Length - shorter.Length), 0, Math.Max(0, whole / asLong.Length));
            return new(whole - (perPair * asLong.Length), perPair);
        }

        public double At(int batch, int length) => batch * ((PerToken * length) + (PerPair * length * length));
    }
}
