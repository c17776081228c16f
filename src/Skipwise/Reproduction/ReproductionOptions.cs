namespace Skipwise.Reproduction;

/// <summary>Settings of a reproduction.</summary>
internal sealed record ReproductionOptions
{
    /// <summary>folder of the base model; its window is Lc</summary>
    [PathName]
    public required string Base { get; init; }
    /// <summary>folder that receives models, measurements and reports</summary>
    [PathName]
    public required string Out { get; init; }
    /// <summary>names of experiments; empty: all</summary>
    public IReadOnlyList<string> Experiments { get; init; } = [];
    /// <summary>seeds of every training; null: the scale's</summary>
    [Within(1, 1000)]
    public int? Seeds { get; init; }
    /// <summary>the small scale</summary>
    public bool Quick { get; init; }
    /// <summary>folder of the files of six benchmarks, for table 3; null: they are left out</summary>
    [PathName]
    public string? Benchmarks { get; init; }
    /// <summary>a scale of its own, for tests; null: <see cref="Quick"/> decides</summary>
    public ReproductionScale? Scale { get; init; }

    /// <summary>The scale, with the number of seeds decided.</summary>
    public ReproductionScale EffectiveScale()
    {
        ReproductionScale scale = Scale ?? (Quick ? ReproductionScale.Quick : ReproductionScale.Full);
        return scale with { Seeds = Seeds ?? scale.Seeds };
    }
}
