using System.Diagnostics;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks;

/// <summary>
/// The bound: how fast this process multiplies matrices at the model's own shapes. Every linear map of the model is counted with
/// its three products, X W^T, G W and G^T X, over the rows of one step (at most 4096), each as often as a step runs it; operands
/// and results stand ready, so nothing but the products is timed.
/// </summary>
internal sealed record MatmulRate(double FlopsPerWallSecond, double FlopsPerCpuSecond)
{
    public static MatmulRate Measure(DecoderConfig config, long rows)
    {
        const double leastSeconds = 3;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
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
        var work = new List<Action>();
        double flops = 0;
        foreach ((long inputs, long outputs, int times) in maps)
        {
            Tensor x = rand(rows, inputs), w = rand(outputs, inputs), y = rand(rows, outputs);
            Tensor xOut = empty(rows, inputs), wOut = empty(outputs, inputs), yOut = empty(rows, outputs);
            flops += 6.0 * rows * inputs * outputs * times;
            Tensor wt = w.t(), yt = y.t();
            work.AddRange(Enumerable.Repeat<Action>(() =>
            {
                addmm_out(yOut, x, wt);
                addmm_out(xOut, y, w);
                addmm_out(wOut, yt, x);
            }, times));
        }
        void Pass() => work.ForEach(products => products());
        Pass();
        var rounds = new List<StepUsage>();
        var clock = Stopwatch.StartNew();
        while (rounds.Count < 3 || clock.Elapsed.TotalSeconds < leastSeconds)
        {
            rounds.Add(StepUsage.Of(Pass));
        }
        return new(flops / Middle(rounds.Select(round => round.WallSeconds)), flops / Middle(rounds.Select(round => round.CpuSeconds)));
    }

    private static double Middle(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    /// <summary>result = a b, into memory that is there already</summary>
    private static void addmm_out(Tensor result, Tensor a, Tensor b) => result.addmm_(a, b, beta: 0, alpha: 1);
}
