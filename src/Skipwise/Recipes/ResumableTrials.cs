using Skipwise.Evaluation.Results;

namespace Skipwise.Recipes;

/// <summary>An evaluation that stores its trials in a file, if the user names one.</summary>
internal static class ResumableTrials
{
    /// <summary>
    /// Runs the evaluation. Responses of an earlier, interrupted run are taken from the file; in the end it holds this run's trials in
    /// order.
    /// </summary>
    /// <param name="path">null: no file. That of rank 0 is used</param>
    /// <param name="measure">runs with the file, or without</param>
    /// <param name="trials">trials of a result</param>
    public static TResult Run<TTrial, TResult>(string? path, EvaluatedModel model, Func<TrialFile<TTrial>?, TResult> measure,
        Func<TResult, IEnumerable<TTrial>> trials, CancellationToken cancel)
        where TTrial : class, ITrial
    {
        _ = model.Compared(cancel);
        if (path is null || model.Ranks.Rank > 0)
        {
            return measure(null);
        }
        using var file = new TrialFile<TTrial>(path, model.Identity);
        TResult result = measure(file);
        file.Complete(trials(result));
        return result;
    }
}
