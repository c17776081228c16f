namespace Skipwise.Reproduction;

/// <summary>
/// A piece of work that an experiment is about to need. All work of all experiments is known before it begins, so that the time left is
/// that of the whole, and work that several experiments need is done once.
/// </summary>
/// <param name="Key">identity: works of one key are one</param>
/// <param name="Group">works of one group follow each other: those of one model, which is then loaded once</param>
/// <param name="Task">works of one task take time in proportion to their size</param>
/// <param name="Size">what its time grows with, roughly comparable between tasks: tokens, each step's counted three times</param>
/// <param name="IsDone">whether an earlier run did it, or nobody needs it any more</param>
/// <param name="Do">does it, and keeps the result where the experiment finds it</param>
internal sealed record PlannedWork(string Key, string Group, string Task, long Size, Func<bool> IsDone, Action Do)
{
    /// <summary>What it is for, which decides when ranks do it.</summary>
    public WorkUse Use { get; init; }
}

/// <summary>What planned work is for.</summary>
internal enum WorkUse
{
    /// <summary>a result that no other work needs</summary>
    Result,
    /// <summary>what work of other groups begins with</summary>
    ByOthers,
    /// <summary>a time: nothing else runs meanwhile</summary>
    Timed,
}
