namespace Skipwise.Runs;

/// <summary>Checkpoints and resumption of a run.</summary>
public sealed record SaveOptions
{
    /// <summary>steps between checkpoints; 0 saves only the finished model</summary>
    [Within(0, 1e9, LeastMeans = "never")]
    public int EverySteps { get; init; } = 100;
    /// <summary>checkpoints kept, the newest ones</summary>
    [Within(1, 1e6)]
    public int KeepLast { get; init; } = 2;
    /// <summary>continue from the newest checkpoint</summary>
    public bool Resume { get; init; }
    /// <summary>replace an earlier run in the same folder; otherwise it is an error</summary>
    public bool Overwrite { get; init; }
    /// <summary>write TensorBoard event files</summary>
    public bool TensorBoard { get; init; }
    /// <summary>a configuration file that starts the run again, to be saved in its folder; null: none</summary>
    public string? ConfigText { get; init; }
}
