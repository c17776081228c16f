namespace Skipwise.Runs;

/// <summary>The step in which a run failed, kept with the error.</summary>
internal static class FailedStep
{
    private static readonly object s_key = new();

    /// <summary>Notes the step, unless an earlier place did.</summary>
    /// <returns>false: to be called in an exception filter</returns>
    public static bool Note(Exception error, int step)
    {
        if (!error.Data.IsReadOnly && !error.Data.Contains(s_key))
        {
            error.Data[s_key] = step;
        }
        return false;
    }

    /// <summary>null if the error did not arise in a step</summary>
    public static int? Of(Exception error) => error.Data[s_key] as int?;
}
