using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>
/// The bound: how fast this process multiplies matrices at the model's own shapes. Every linear map of the model is counted with
/// its three products, X W^T, G W and G^T X, over the rows of one step (at most 4096), each as often as a step runs it; operands
/// and results stand ready, so nothing but the products is timed, and stay as long as the process, one case.
/// </summary>
internal sealed class MatmulBound
{
    private readonly List<Action> _work = [];

    public MatmulBound(DecoderConfig config, long rows)
    {
        using IDisposable _ = no_grad();
        rows = Math.Min(rows, 4096);
        int kvSize = config.NumKeyValueHeads * config.HeadDim, querySize = config.NumAttentionHeads * config.HeadDim;
        (long Inputs, long Outputs, int Times)[] maps =
        [
            (config.HiddenSize, querySize, config.NumHiddenLayers),
            (config.HiddenSize, kvSize, 2 * config.NumHiddenLayers),
            (querySize, config.HiddenSize, config.NumHiddenLayers),
            (config.HiddenSize, config.IntermediateSize, 2 * config.NumHiddenLayers),
            (config.IntermediateSize, config.HiddenSize, config.NumHiddenLayers),
            (config.HiddenSize, config.VocabSize, 1),
        ];
        foreach ((long inputs, long outputs, int times) in maps)
        {
            Tensor x = rand(rows, inputs), w = rand(outputs, inputs), y = rand(rows, outputs);
            Tensor xOut = empty(rows, inputs), wOut = empty(outputs, inputs), yOut = empty(rows, outputs);
            Flops += 6.0 * rows * inputs * outputs * times;
            Tensor wt = w.t(), yt = y.t();
            _work.AddRange(Enumerable.Repeat<Action>(() =>
            {
                addmm_out(yOut, x, wt);
                addmm_out(xOut, y, w);
                addmm_out(wOut, yt, x);
            }, times));
        }
        Pass();
    }

    /// <summary>of one pass</summary>
    public double Flops { get; }

    /// <summary>All products once.</summary>
    public StepUsage Pass() => StepUsage.Of(() => _work.ForEach(products => products()));

    /// <summary>result = a b, into memory that is there already</summary>
    private static void addmm_out(Tensor result, Tensor a, Tensor b) => result.addmm_(a, b, beta: 0, alpha: 1);
}
