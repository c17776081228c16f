namespace Skipwise.Recipes;

/// <summary>Where a comparison stands.</summary>
/// <param name="Done">jobs that are over</param>
/// <param name="Jobs">all jobs of all models in their order: the kind of evaluation, and what its work grows with</param>
/// <param name="IsKept">the job that begins is kept from an earlier run and takes no time</param>
internal sealed record ComparisonProgress(int Done, IReadOnlyList<(string Task, int Size)> Jobs, bool IsKept);
