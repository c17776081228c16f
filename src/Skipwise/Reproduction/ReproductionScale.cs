using Skipwise.Recipes;

namespace Skipwise.Reproduction;

/// <summary>How large a reproduction is: everything that costs time, and nothing that a claim is about.</summary>
internal sealed record ReproductionScale
{
    /// <summary>how the shipped base was pretrained</summary>
    public static PretrainOptions ShippedPretraining { get; } = new() { Out = "" };

    /// <summary>its name in reports</summary>
    public required string Name { get; init; }
    /// <summary>seeds of each training; they differ in text, data order, positions and the initialization of what is trained</summary>
    [Within(1, 1000)]
    public required int Seeds { get; init; }
    /// <summary>optimizer steps of a fine-tune</summary>
    [Within(1, 1e6)]
    public required int Steps { get; init; }
    /// <summary>windows per step</summary>
    [Within(1, 1 << 16)]
    public required int BatchSize { get; init; }
    /// <summary>documents to train on, new ones for every seed</summary>
    [Within(1, 1e7)]
    public required int TrainingDocuments { get; init; }
    /// <summary>held-out documents of 16 windows, the same for every model</summary>
    [Within(1, 1e6)]
    public required int Documents { get; init; }
    /// <summary>passkey prompts per length, the same for every model</summary>
    [Within(1, 100000)]
    public required int Trials { get; init; }
    /// <summary>lengths of passkey prompts, in multiples of the base's window</summary>
    [Within(1, 1024)]
    public required IReadOnlyList<int> PasskeyMultiples { get; init; }
    /// <summary>families of figure 4, the run's own first</summary>
    public IReadOnlyList<FamilyShape> Families { get; init; } = FamilyShape.All;
    /// <summary>targets of table 2, in multiples of the base's window, rising</summary>
    [Within(2, 1024)]
    public IReadOnlyList<int> ExtremeExtensions { get; init; } = [32, 64, 128];
    /// <summary>targets whose cost figure 3 measures, in tokens, rising; half of the first is PoSE's window</summary>
    [Within(16, 1 << 24)]
    public IReadOnlyList<int> CostTargets { get; init; } = [4096, 8192, 16384, 32768, 65536, 131072];
    /// <summary>bases of the experiment on scalings: each has this many times the run base's heads, of as many times less width</summary>
    [Within(2, 64)]
    public IReadOnlyList<int> HeadDivisors { get; init; } = [2, 4];
    /// <summary>seeds of the demo's own claim; at least <see cref="Seeds"/> are taken</summary>
    [Within(1, 1000)]
    public int DemoSeeds { get; init; } = 10;
    /// <summary>optimizer steps of the demo's own claim; null: those of the other experiments</summary>
    [Within(1, 1e6)]
    public int? DemoSteps { get; init; }
    /// <summary>models whose cost figure 3 measures</summary>
    public IReadOnlyList<CostModel> CostModels { get; init; } = [CostModel.Small];
    /// <summary>steps of the first stage of pretraining bases</summary>
    [Within(1, 1e9)]
    public int PretrainingListSteps { get; init; } = ShippedPretraining.ListSteps;
    /// <summary>steps of the second stage</summary>
    [Within(1, 1e9)]
    public int PretrainingSteps { get; init; } = ShippedPretraining.Steps;
    /// <summary>documents of the second stage</summary>
    [Within(1, 1e7)]
    public int PretrainingDocuments { get; init; } = ShippedPretraining.Documents;
    /// <summary>first questions of each benchmark; null: all</summary>
    [Within(1, 1e9)]
    public int? BenchmarkLimit { get; init; }

    /// <summary>for every number at least three seeds, and trainings with which passkeys are found (docs/log.md)</summary>
    public static ReproductionScale Full { get; } = new()
    {
        Name = "full",
        Seeds = 3,
        Steps = 160,
        BatchSize = DemoDefaults.Options.Training.BatchSize,
        TrainingDocuments = DemoDefaults.Options.TrainingDocuments,
        Documents = 10,
        Trials = 24,
        PasskeyMultiples = [1, 2, 4, 6, 8, 12, 16],
        PretrainingListSteps = 400,
        PretrainingSteps = 400,
        PretrainingDocuments = 12800,
        DemoSteps = DemoDefaults.Options.Training.Steps,
        CostModels = [CostModel.Small, CostModel.Large],
    };

    /// <summary>all experiments together in under half an hour on two cores; one seed, which every table and verdict says</summary>
    public static ReproductionScale Quick { get; } = new()
    {
        Name = "quick",
        Seeds = 1,
        Steps = 80,
        BatchSize = 8,
        TrainingDocuments = 640,
        Documents = 5,
        Trials = 12,
        PasskeyMultiples = [1, 2, 4, 8, 16],
        BenchmarkLimit = 100,
        PretrainingListSteps = 70,
        PretrainingSteps = 70,
        PretrainingDocuments = 2400,
        Families = [.. FamilyShape.All.Take(2)],
        CostTargets = [4096, 16384, 131072],
        ExtremeExtensions = [32, 128],
        HeadDivisors = [4],
        DemoSeeds = 1,
    };
}
