using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>Memory of a training step at any batch and length, by a formula.</summary>
/// <remarks>
/// On the way back, at layer i, there are what the layers below keep, the gradients of those above, and what the layer itself (or the head,
/// at the top) needs: the peak is the largest of these sums. All but libtorch's mask of a sliding window grows with the tokens alone, for
/// attention is fused.
/// </remarks>
internal sealed record MemoryModel
{
    internal const double UsableFraction = 0.9; // of the memory, for a batch that is proposed
    private const double Fragmentation = 0.1; // holes between what is in use: by up to so much measured steps exceed the sum
    private const long WidenedAtOnce = 1L << 25; // numbers of gradients that an update widens at a time (Optimizer)
    private readonly DecoderConfig _config;
    private readonly int _recomputeEvery, _width; // _width: bytes of a number that is computed with
    private readonly LayerBytes _weights, _trained, _optimizer;
    private readonly LayerActivations _activations;
    private readonly bool _offloads, _isHeadLinear;
    private readonly KernelSet _kernels;
    private readonly long _dequantized; // bytes of the largest packed matrix while it is unpacked
    private readonly WorkBudget _budget;

    private MemoryModel(StepProfiler profiler, int recomputeEvery)
    {
        CausalLM model = profiler.Model;
        (_config, _activations, _budget) = (profiler.Config, LayerActivations.Of(model), model.Budget);
        (_weights, _trained, _optimizer, _offloads) = (profiler.Weights, profiler.Trained, profiler.OptimizerState, profiler.Offloads);
        (_width, _isHeadLinear) = ((int)model.Dtype.ElementSize(), model.IsHeadLinear);
        _kernels = KernelSet.For(model.Device, model.Dtype);
        bool keepsUnpacked = _kernels.RecomputeEvery(0, () => profiler.IsQuantized) > 0;
        _recomputeEvery = _kernels.RecomputeEvery(recomputeEvery, () => profiler.IsQuantized);
        // A float32 number a weight, and an index of four bytes for two.
        int widest = Math.Max(_config.IntermediateSize, _config.NumAttentionHeads * _config.HeadDim);
        _dequantized = !profiler.IsQuantized ? 0 : keepsUnpacked ? profiler.LayerMatrices * _width
            : (sizeof(float) + (sizeof(int) / 2)) * (long)_config.HiddenSize * widest;
    }

    /// <summary>Bytes that the program takes beside the step's tensors.</summary>
    public long Process { get; init; }

    private bool IsNarrow => _width < sizeof(float);

    private long Trained => _trained.Total(_config.NumHiddenLayers);

    /// <param name="recomputeEvery">k: layers 0, k, 2 k, ... keep their input alone; 0: none</param>
    public static MemoryModel Create(StepProfiler profiler, int recomputeEvery) => new(profiler, recomputeEvery);

    /// <param name="batch">sequences per forward, of</param>
    /// <param name="length">tokens each</param>
    /// <param name="accumulation">forwards per optimizer step</param>
    public MemoryEstimate Step(long batch, int length, int accumulation)
    {
        long tokens = batch * length, state = tokens * _config.HiddenSize * _width;
        int layers = _config.NumHiddenLayers;
        // What earlier micro-batches left: gradients of a narrow type have been set aside in float32, others have their place.
        long gathered = accumulation > 1 && IsNarrow ? Trained * sizeof(float) / _width : 0;
        bool isInPlace = accumulation > 1 && !IsNarrow;
        // The head comes first, on top of what every layer keeps; its gradient stays.
        long headWeights = (long)_config.VocabSize * _config.HiddenSize, head = Math.Min(_trained.Ends, headWeights * _width);
        long below = Enumerable.Range(0, layers).Sum(layer => Saved(layer, tokens)), above = head;
        long scores = Math.Min((long)Math.Min(tokens, _budget.HeadTokens) * _config.VocabSize, _budget.MaxLogits);
        long logits = LogitCopies * sizeof(float) * scores;
        long summed = IsNarrow && head > 0 ? headWeights * (sizeof(float) + _width) : 0; // a narrow head's gradient adds up in float32
        // Hidden states twice, gathered and not, and their gradient twice.
        long largest = (4 * state) + below + head + summed + logits + (isInPlace ? Trained - head : 0);
        for (int layer = layers - 1; layer >= 0; layer--)
        {
            below -= Saved(layer, tokens);
            long gradients = isInPlace ? Trained : above + _trained.Layer;
            // Measured steps with recomputation take one layer's activations more, at every size.
            long twice = IsRecomputed(layer) ? tokens * _activations.Saved : 0;
            // The last output, and the gradient that arrives.
            largest = Math.Max(largest, (2 * state) + below + (tokens * _activations.Peak) + twice + _dequantized + gradients);
            above += _trained.Layer;
        }
        // The embedding comes last, its input and its gradient beside every other gradient; tied, it then adds up with the head's.
        long embedding = _trained.Ends == 0 ? 0 : (4 * state) + (_config.TieWordEmbeddings ? headWeights * _width : 0);
        long widened = IsNarrow ? Math.Min(Trained / _width, Math.Max(WidenedAtOnce, headWeights)) * sizeof(float) : 0;
        largest = Math.Max(largest, Trained + Math.Max(embedding, widened)) + gathered
            + _kernels.AttentionPlanBytes(length, _config.SlidingWindow);
        largest += (long)(Fragmentation * largest);
        long weights = _weights.Total(layers), optimizer = _optimizer.Total(layers);
        return new(Process, weights, Trained, optimizer, largest, logits, Process + weights + (_offloads ? 0 : optimizer) + largest);
    }

    /// <summary>
    /// The most windows per forward that <paramref name="memory"/> bytes hold, with a tenth to spare for what the formula does not know; 0
    /// when not even one.
    /// </summary>
    public int LargestBatch(int length, int accumulation, long memory)
    {
        int largest = 0;
        for (int step = 1 << 20; step > 0; step /= 2) // the peak rises with the batch
        {
            // a batch that no forward holds is none; nor could its bytes be counted
            bool isOne = (long)(largest + step) * length <= HostBatch.MostTokens;
            largest += isOne && Step(largest + step, length, accumulation).Peak <= UsableFraction * memory ? step : 0;
        }
        return largest;
    }

    /// <summary>Float32 tensors of a chunk's logits that exist at once.</summary>
    private int LogitCopies => _isHeadLinear ? _kernels.ScoreCopies : 4; // libtorch's loss, with its softmax and gradients

    private bool IsRecomputed(int layer) => _recomputeEvery > 0 && layer % _recomputeEvery == 0;

    private long Saved(int layer, long tokens) => tokens * (IsRecomputed(layer) ? (long)_config.HiddenSize * _width : _activations.Saved);
}
