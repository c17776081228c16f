using Skipwise.Data;
using Skipwise.Kernels;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Training.Parallel;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>Formula for the memory of a training step at any batch and length.</summary>
/// <remarks>
/// In the backward pass of layer i, memory holds the saved tensors of the layers below, the gradients of those above, and what the layer
/// itself (or the head, at the top) needs: the peak is the largest of these sums. Everything but libtorch's sliding-window mask is linear
/// in tokens, because attention is fused.
/// </remarks>
internal sealed record MemoryModel
{
    internal const double UsableFraction = 0.9; // of the memory, for a proposed batch
    private const double Fragmentation = 0.1; // heap fragmentation: measured steps exceed the sum by up to this
    private const long ConvertedElements = 1L << 25; // elements of gradients that an update converts at a time (Optimizer)
    private readonly DecoderConfig _config;
    private readonly int _recomputeEvery, _width; // _width: bytes per element of the computation
    private readonly LayerBytes _weights, _trained, _optimizer;
    private readonly LayerActivations _activations;
    private readonly bool _offloads, _isHeadLinear;
    private readonly KernelSet _kernels;
    private readonly long _dequantized; // bytes of the largest quantized matrix while it is dequantized
    private readonly WorkBudget _budget;

    private readonly RankDivision _division;

    private MemoryModel(LayerSizes sizes, int recomputeEvery, RankDivision division)
    {
        _division = division;
        (_config, _activations, _budget) = (sizes.Config, LayerActivations.Of(sizes), WorkBudget.For(sizes.Compute.Device));
        (_weights, _trained, _optimizer, _offloads) = (sizes.Weights, sizes.Trained, sizes.OptimizerState, sizes.Offloads);
        (_width, _isHeadLinear) = (sizes.Width, sizes.Model.IsHeadLinear);
        _kernels = KernelSet.For(sizes.Compute.Device, sizes.Compute.Dtype);
        bool keepsUnpacked = _kernels.RecomputeEvery(0, () => sizes.IsQuantized) > 0;
        _recomputeEvery = _kernels.RecomputeEvery(recomputeEvery, () => sizes.IsQuantized);
        // A float32 per weight, and a 4-byte index for two.
        int widest = Math.Max(_config.IntermediateSize, _config.NumAttentionHeads * _config.HeadDim);
        _dequantized = !sizes.IsQuantized ? 0 : keepsUnpacked ? sizes.LayerMatrices * _width
            : (sizeof(float) + (sizeof(int) / 2)) * (long)_config.HiddenSize * widest;
    }

    /// <summary>Bytes of the process besides the step's tensors.</summary>
    public long Process { get; init; }

    private bool IsHalfPrecision => _width < sizeof(float);

    /// <param name="recomputeEvery">k: layers 0, k, 2 k, ... save only their input; 0: none</param>
    /// <param name="division">among ranks</param>
    public static MemoryModel Create(LayerSizes sizes, int recomputeEvery, RankDivision division = default) =>
        new(sizes, recomputeEvery, division.Ranks == 0 ? RankDivision.None : division);

    /// <param name="batch">sequences per forward</param>
    /// <param name="length">tokens per sequence</param>
    /// <param name="accumulation">forwards per optimizer step</param>
    public MemoryEstimate Step(long batch, int length, int accumulation) => Step(batch, length, accumulation, _config.NumHiddenLayers);

    /// <summary>Bytes of a step of embedding, head and one layer.</summary>
    public long OneLayer(TimedShape shape) =>
        Step((long)shape.Rows * shape.Depth, shape.Length, 1, layers: 1).Peak - Process; // an activation for each time that the layer runs

    /// <summary>Bytes of host memory that embedding, head and one layer keep there for the optimizer; 0 if it is on the device.</summary>
    public long OneLayerOffloaded => _offloads ? _optimizer.Total(1) : 0;

    private MemoryEstimate Step(long batch, int length, int accumulation, int layers)
    {
        // Ranks add up gradients in float32; where these are divided, complete ones leave but for a part.
        bool isDivided = _division.DividesGradients(accumulation);
        long OfGradients(long trained) => _division.Exchanges ? trained / _width * sizeof(float) : trained;
        long tokens = batch * length, state = tokens * _config.HiddenSize * _width, trained = OfGradients(_trained.Total(layers));
        // Gradients of earlier micro-batches: half-precision ones are accumulated in float32, others in place.
        long accumulated = isDivided ? _division.PartOf(trained) + InFlight(layers)
            : _division.Exchanges ? InFlight(layers)
            : accumulation > 1 && IsHalfPrecision ? trained * sizeof(float) / _width : 0;
        bool isInPlace = accumulation > 1 && !isDivided && (!IsHalfPrecision || _division.Exchanges);
        if (isDivided)
        {
            trained = OfGradients(_trained.Layer);
        }
        // The head comes first, on top of what every layer saves; its gradient stays.
        long headWeights = (long)_config.VocabSize * _config.HiddenSize;
        long head = isDivided ? 0 : OfGradients(Math.Min(_trained.Ends, headWeights * _width));
        (long headParameters, long layerParameters) = _division.DividesParameters ? (headWeights * _width, _weights.Layer) : (0, 0);
        long below = Enumerable.Range(0, layers).Sum(layer => Saved(layer, tokens)), above = head;
        long chunk = Math.Min((long)Math.Min(tokens, _budget.HeadTokens) * _config.VocabSize, _budget.MaxLogits);
        long logits = LogitCopies * sizeof(float) * chunk;
        long summed = IsHalfPrecision && head > 0 ? headWeights * (sizeof(float) + _width) : 0; // summed in float32 if half-precision
        // Hidden states twice, gathered and not, and their gradient twice.
        long largest = (4 * state) + below + head + summed + logits + headParameters + (isInPlace ? trained - head : 0);
        for (int layer = layers - 1; layer >= 0; layer--)
        {
            below -= Saved(layer, tokens);
            long gradients = isInPlace ? trained : above + OfGradients(_trained.Layer);
            // Measured steps with recomputation use about two thirds of a layer's activations more.
            long more = IsRecomputed(layer) ? 2 * tokens * _activations.Saved / 3 : 0;
            // Beside its own parameters, the layer below gathers its own: all but the lowest have one.
            long gathered = layer > 0 ? 2 * layerParameters : layerParameters;
            // The last output, and the incoming gradient.
            largest = Math.Max(largest,
                (2 * state) + below + (tokens * _activations.Peak) + more + _dequantized + gradients + gathered);
            above += isDivided ? 0 : OfGradients(_trained.Layer);
        }
        // The embedding comes last: its input and gradient in addition to all other gradients; if tied, it is then added to the head's.
        long embedding = _trained.Ends == 0 ? 0 : (4 * state) + (_config.TieWordEmbeddings ? headWeights * _width : 0);
        long converted = IsHalfPrecision ? Math.Min(trained / _width, Math.Max(ConvertedElements, headWeights)) * sizeof(float) : 0;
        largest = Math.Max(largest, trained + Math.Max(embedding, converted)) + accumulated
            + _kernels.AttentionPlanBytes(length, _config.SlidingWindow);
        largest += (long)(Fragmentation * largest);
        long weights = _weights.Total(layers), optimizer = _division.OptimizerPart(_optimizer.Total(layers));
        if (_division.DividesParameters)
        {
            // trained ones are the float32 master weights, which half precision counts with the optimizer
            weights = _division.PartOf(IsHalfPrecision || _offloads ? weights - _trained.Total(layers) : weights);
        }
        long gradientsKept = OfGradients(_trained.Total(layers));
        return new(Process, weights, isDivided ? _division.PartOf(gradientsKept) : gradientsKept, optimizer, largest, logits,
            Process + weights + (_offloads ? 0 : optimizer) + largest);
    }

    /// <summary>Gradients on their way to other ranks: buckets, each at least a layer's or the head's matrix.</summary>
    private long InFlight(int layers)
    {
        long Float32(long bytes) => bytes / _width * sizeof(float);
        long largest = Math.Max(Float32(_trained.Layer), Float32(_trained.Ends) / 2), all = Float32(_trained.Total(layers));
        long limit = GradientBuckets.BytesOf(_division.DividesSums, all);
        return GradientBuckets.MostOnTheirWay * Math.Min(all, Math.Max(limit, largest));
    }

    /// <summary>
    /// The largest batch that fits in <paramref name="memory"/> bytes, with a tenth to spare for what the formula does not know; 0 if not
    /// even one window fits.
    /// </summary>
    public int LargestBatch(int length, int accumulation, long memory)
    {
        int largest = 0;
        for (int step = 1 << 20; step > 0; step /= 2) // the peak rises with the batch
        {
            // a batch above the limit of a forward does not count; its bytes could overflow
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
