using System.Text.Json;
using Skipwise.Numerics;
using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

/// <summary>The original sampler's numbers (fixtures/sampler.json): window 2048, target 16384.</summary>
internal static class SamplerFixture
{
    public const int TrainLength = 2048;
    public const int TargetLength = 16384;
    /// <summary>documents of 5 windows, to which the original cuts its texts</summary>
    public const int DocumentLength = 5 * TrainLength;

    private static readonly JsonElement s_root = JsonDocument.Parse(File.ReadAllText(Fixture.Path("sampler.json"))).RootElement;

    public static readonly PoseOptions Released =
        new() { TrainLength = TrainLength, TargetLength = TargetLength, LengthRule = LengthRule.Released };
    public static readonly PoseOptions Uniform = Released with { LengthRule = LengthRule.Uniform };

    /// <summary>An element by its path.</summary>
    public static JsonElement At(params string[] path) => path.Aggregate(s_root, (element, name) => element.GetProperty(name));

    /// <summary>A coverage array; its entry i belongs to the distance r = 64 i.</summary>
    public static double[] Coverage(params string[] path) => [.. At(path).EnumerateArray().Select(x => x.GetDouble())];

    /// <summary>Every 64th entry of a coverage curve, as the fixture has them.</summary>
    public static double[] Every64(double[] coverage) => [.. coverage.Where((_, r) => r % 64 == 0)];

    public static double LargestDifference(double[] expected, double[] found)
    {
        Assert.Equal(expected.Length, found.Length);
        return expected.Zip(found, (x, y) => Math.Abs(x - y)).Max();
    }

    /// <summary>Plans of examples 0, 1, ... of a run.</summary>
    public static PositionPlan[] Plans(PoseOptions pose, int documentLength, int count, ulong seed = 2024)
    {
        var plans = new PositionPlan[count];
        for (int i = 0; i < count; i++)
        {
            var rng = new KeyedRandom(seed, stream: 0, index: (ulong)i);
            plans[i] = PoseSampler.Sample(ref rng, documentLength, pose);
        }
        return plans;
    }

    /// <summary>u of a chunk: how far its positions skip beyond the tokens before it.</summary>
    public static int PositionBias(PositionPlan plan, int chunk) =>
        plan.Chunks[chunk].PositionStart - plan.Chunks.Take(chunk).Sum(c => c.Length);
}
