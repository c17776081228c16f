using Skipwise.Rope;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>The demo's settings: all of them, so that its report can be read as a protocol.</summary>
internal sealed record DemoOptions
{
    /// <summary>folder of the base model; its window is Lc</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>folder that receives the models, the report and the numbers</summary>
    [PathName(Name = "--out")]
    public required string Out { get; init; }
    /// <summary>of the fine-tunes: their text, their positions, their order</summary>
    public ulong Seed { get; init; } = 1;
    /// <summary>Lt / Lc</summary>
    [Within(1, 1024, Name = "--extension")]
    public int ExtensionFactor { get; init; } = 8;
    /// <summary>
    /// positions are drawn below (Extension + this) windows. An example covers the last Lc distances before the end ever more rarely
    /// (<see cref="Skipwise.Positions.Coverage"/>), so aiming one window past the target trains all of the target's distances alike
    /// </summary>
    [Within(0, 1024)]
    public int MarginWindows { get; init; } = 1;
    /// <summary>how positions are stretched</summary>
    public RopeType Rope { get; init; } = RopeType.Yarn;
    /// <summary>s. Three times the extension: a model stretched by just the extension gives out before the end of the window
    /// (docs/log.md)</summary>
    [Within(1, 1e6, Name = "--rope-factor")]
    public double RopeFactor { get; init; } = 24;
    /// <summary>windows are this many times Lc, to measure at</summary>
    [Within(1, 1024)]
    public IReadOnlyList<int> LengthMultiples { get; init; } = [1, 2, 4, 8, 16];
    /// <summary>held-out documents for perplexity</summary>
    [Within(1, 1e6)]
    public int Documents { get; init; } = 10;
    /// <summary>passkey prompts per length</summary>
    [Within(1, 100000, Name = "--trials")]
    public int Trials { get; init; } = 40;
    /// <summary>documents to train on</summary>
    [Within(1, 1e7)]
    public int TrainingDocuments { get; init; } = 3200;
    /// <summary>share of passkey texts among them; they fit the original window</summary>
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
