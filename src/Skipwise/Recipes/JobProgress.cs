namespace Skipwise.Recipes;

/// <summary>Counts the jobs of a comparison as they begin.</summary>
internal sealed class JobProgress(IProgress<ComparisonProgress>? receiver, IReadOnlyList<(string Task, int Size)> jobs)
{
    private int _begun;

    public void Begin(bool isKept) => receiver?.Report(new(_begun++, jobs, isKept));
}
