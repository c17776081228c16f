using Skipwise.Estimation;
using Skipwise.Models;

namespace Skipwise.Tests.Estimation;

public sealed class StepFlopsTests
{
    private const int Weights = 1000, Length = 64, Window = 16, Heads = 2, HeadDim = 8;

    private static readonly DecoderConfig s_config = new()
    {
        VocabSize = 50,
        HiddenSize = 10,
        IntermediateSize = 30,
        NumHiddenLayers = 4,
        NumAttentionHeads = Heads,
        NumKeyValueHeads = 1,
        HeadDim = HeadDim,
        MaxPositionEmbeddings = Length,
        SlidingWindow = Window,
        FirstSlidingLayer = 4,
    };

    /// <summary>Per weight and token two operations forward and four back; per pair of tokens two products forward and five back.</summary>
    [Fact]
    public void A_layer_is_products_with_weights_and_of_pairs()
    {
        const double pairs = Length * Length / 2.0, product = 2 * Heads * HeadDim;
        Assert.Equal((6 * Weights * Length) + (7 * product * pairs), Flops().Layer(0, false, 1, Length));
        Assert.Equal((8 * Weights * Length) + (9 * product * pairs), (Flops() with { RecomputeEvery = 1 }).Layer(0, false, 1, Length));
        Assert.Equal((4 * Weights * Length) + (7 * product * pairs), (Flops() with { IsFrozen = true }).Layer(0, false, 1, Length));
        Assert.Equal(6 * 50 * 10, Flops().EndsPerToken);
    }

    [Fact]
    public void A_window_s_pairs_are_those_in_sight()
    {
        // tokens see 1, 2, ... 16, 16, 16, ...: by the area, half a token apart
        double seen = (Window * Length) - (Window * Window / 2.0);
        Assert.Equal((6 * Weights * Length) + (7 * 2 * Heads * HeadDim * seen), Flops().Layer(0, slides: true, 1, Length));
        Assert.Equal(Flops().Layer(0, slides: false, 1, Window), Flops().Layer(0, slides: true, 1, Window));
    }

    [Fact]
    public void Every_kth_layer_runs_its_forward_twice()
    {
        StepFlops flops = Flops() with { RecomputeEvery = 3, Config = s_config with { FirstSlidingLayer = 1 } };
        double whole = flops.Layer(0, false, 2, Length) + Enumerable.Range(1, 3).Sum(layer => flops.Layer(layer, true, 2, Length));
        Assert.Equal(whole, flops.Layers(2, Length));
        Assert.True(flops.Layer(3, true, 2, Length) > flops.Layer(2, true, 2, Length));
    }

    [Fact]
    public void A_step_is_its_forwards_and_one_update()
    {
        var time = new TimeModel(Flops(), new(1e-6, 2e-6), new(0.5, 1), new(3, 6));
        double layers = 4e-6 * Flops().Layer(0, false, 2, Length);
        ComputeTime step = time.Step(2, Length, accumulation: 3);
        Assert.Equal((3 * (layers + (0.5 * 2 * Length))) + 3, step.Seconds, 1e-9);
        Assert.Equal(2 * step.Seconds, step.CpuSeconds, 1e-9);
    }

    private static StepFlops Flops() => new(s_config, Weights, IsFrozen: false, RecomputeEvery: 0);
}
