using Skipwise.Models;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Tests.Models;

public class RotaryTests
{
    /// <summary>
    /// Rounded to float32, a phase near 100,000 radians is off by up to 0.004, and pairs of a long window turn by the wrong angle.
    /// </summary>
    [Theory]
    [InlineData(100_000), InlineData(131_071), InlineData(1_000_003)]
    public void Far_positions_turn_by_the_exact_angle(long position)
    {
        using var scope = NewDisposeScope();
        double[] frequencies = RopeFrequency.Compute(new RopeOptions(), 16).InvFreq;
        using var rotary = Rotary.Create(tensor(frequencies), new(frequencies, 1), tensor(new[] { position }).reshape(1, 1));
        // (1, 0) in every pair: what comes out is the cosine and the sine of its angle, pairs side by side
        Tensor x = cat([ones(1, 1, 1, 8), zeros(1, 1, 1, 8)], -1);
        float[] turned = rotary.Apply(x).data<float>().ToArray();
        for (int pair = 0; pair < 8; pair++)
        {
            double angle = position * frequencies[pair];
            Assert.Equal(Math.Cos(angle), turned[2 * pair], 1e-6);
            Assert.Equal(Math.Sin(angle), turned[(2 * pair) + 1], 1e-6);
        }
    }

    /// <summary>A model keeps the frequencies of its last rotation; where they depend on the length, another length's are others.</summary>
    [Fact]
    public void A_rotation_is_that_of_its_own_length()
    {
        using var scope = NewDisposeScope();
        var rope = new RopeOptions { Type = RopeType.DynamicNtk, Factor = 4, OriginalMaxPositionEmbeddings = 16 };
        using CausalLM model = TinyModel.Create(rope: rope);
        Tensor states = ones([1, 3, 1, 8]), positions = arange(3).unsqueeze(0);
        Tensor Rotated(CausalLM by, int length)
        {
            using Rotary rotary = by.RotaryFor(positions, length);
            return rotary.Apply(states);
        }
        Tensor first = Rotated(model, 16), longer = Rotated(model, 64), again = Rotated(model, 16);
        using CausalLM other = TinyModel.Create(rope: rope);
        Assert.True(again.allclose(first, rtol: 0, atol: 0));
        Assert.True(Rotated(other, 64).allclose(longer, rtol: 0, atol: 0));
        Assert.False(longer.allclose(first, rtol: 1e-3));
    }
}
