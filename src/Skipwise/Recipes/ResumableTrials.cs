using Skipwise.Evaluation.Results;

namespace Skipwise.Recipes;

/// <summary>A measurement that keeps its trials in a file, where the user names one.</summary>
internal static class ResumableTrials
{
    /// <summary>Measures. What an earlier, interrupted run left in the file is not asked again; in the end the file holds this run's trials
    /// in their order.</summary>
    /// <param name="path">null keeps nothing</param>
    /// <param name="measure">with the file, or without</param>
    /// <param name="trials">of what was measured</param>
    public static TResult Run<TTrial, TResult>(string? path, EvaluatedModel model, Func<TrialFile<TTrial>?, TResult> measure,
        Func<TResult, IEnumerable<TTrial>> trials)
        where TTrial : class, ITrial
    {
        if (path is null)
        {
            return measure(null);
        }
        using var file = new TrialFile<TTrial>(path, model.Identity);
        TResult result = measure(file);
        file.Complete(trials(result));
        return result;
    }
}
