using Skipwise.Rope;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>Settings of the demo, complete, so that its report can serve as a protocol.</summary>
internal sealed record DemoOptions
{
    /// <summary>folder of the base model; its window is Lc</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder that receives the models, the report and the numbers</summary>
    [PathName]
    public required string Out { get; init; }
    /// <summary>seed of the fine-tunes: text, positions, order</summary>
    public ulong Seed { get; init; } = 1;
    /// <summary>Lt / Lc</summary>
    [Within(1, 1024)]
    public int ExtensionFactor { get; init; } = 8;
    /// <summary>
    /// positions are drawn below (Extension + this) windows. The last Lc distances before the limit are covered ever more rarely
    /// (<see cref="Skipwise.Positions.Coverage"/>), so one window past the target covers all of the target's distances evenly
    /// </summary>
    [Within(0, 1024)]
    public int MarginWindows { get; init; } = 1;
    /// <summary>RoPE scaling</summary>
    public RopeType Rope { get; init; } = RopeType.Yarn;
    /// <summary>
    /// RoPE factor s. Three times the extension: a model scaled by the extension alone fails before the end of the window (docs/log.md)
    /// </summary>
    [Within(1, 1e6)]
    public double RopeFactor { get; init; } = 24;
    /// <summary>evaluation windows, in multiples of Lc</summary>
    [Within(1, 1024)]
    public IReadOnlyList<int> LengthMultiples { get; init; } = [1, 2, 4, 8, 16];
    /// <summary>held-out documents for perplexity</summary>
    [Within(1, 1e6)]
    public int Documents { get; init; } = 10;
    /// <summary>passkey prompts per length</summary>
    [Within(1, 100000)]
    public int Trials { get; init; } = 40;
    /// <summary>documents to train on</summary>
    [Within(1, 1e7)]
    public int TrainingDocuments { get; init; } = 3200;
    /// <summary>fraction of passkey texts among them; they fit the original window</summary>
    [Within(0, 1)]
    public double PasskeyFraction { get; init; } = 0.4;
    public TrainOptions Training { get; init; } = new()
    {
        Steps = 400,
        BatchSize = 16,
        LearningRate = 1e-3,
        WarmupSteps = 20,
        LearningRateDecay = LearningRateDecay.Cosine,
        MinLearningRateRatio = 0.1,
    };
}
