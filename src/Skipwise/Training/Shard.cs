namespace Skipwise.Training;

/// <summary>
/// What is divided among the ranks, so that each holds a part (ZeRO, Rajbhandari et al. 2020). Each stage includes those before it. The
/// results are the same up to rounding.
/// </summary>
public enum Shard
{
    /// <summary>nothing: every rank holds all</summary>
    None,
    /// <summary>optimizer state and master weights (ZeRO 1)</summary>
    Optimizer,
    /// <summary>gradients too (ZeRO 2)</summary>
    Gradients,
    /// <summary>parameters too: those of a layer are gathered when it computes (ZeRO 3)</summary>
    Parameters,
}
