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
    public void A_step_is_its_micro_batches_and_one_update()
    {
        StepFlops flops = Flops() with { RecomputeEvery = 2 };
        var time = new TimeModel(flops, new(5e-3, 1e-2), new(1e-6, 2e-6), new(0.25, 0.5), new(0.5, 1), new(3, 6));
        double layers = (14 * 5e-3) + (1e-6 * flops.Layers(2, Length)); // two layers of three passes, two of four
        ComputeTime step = time.Step(2, Length, accumulation: 3);
        Assert.Equal((3 * (layers + 0.25 + (0.5 * 2 * Length))) + 3, step.Seconds, 1e-9);
        Assert.Equal(2 * step.Seconds, step.CpuSeconds, 1e-9);
    }

    /// <summary>Quantized weights are dequantized in each pass, whatever the tokens: a time scaled by the tokens alone was
    /// ten times that of a step.</summary>
    [Fact]
    public void A_line_has_a_fixed_part()
    {
        var line = ComputeLine.Through(512, new(7, 14), 256, new(5, 9));
        Assert.Equal(new ComputeTime(3, 4), line.Fixed);
        Assert.Equal(new ComputeTime(2 / 256.0, 5 / 256.0), line.PerUnit);
    }

    [Fact]
    public void A_line_through_one_size_has_none()
    {
        Assert.Equal(new(default, new(0.5, 1)), ComputeLine.Through(4, new(2, 4), 0, default));
    }

    /// <summary>Measured times scatter: a smaller size may take longer than the larger one, or less than its share.</summary>
    [Fact]
    public void A_line_is_never_negative()
    {
        Assert.Equal(new(new(2, 0), new(0, 1)), ComputeLine.Through(4, new(2, 4), 2, new(3, 1)));
    }

    private static StepFlops Flops() => new(s_config, Weights, IsFrozen: false, RecomputeEvery: 0);
}
