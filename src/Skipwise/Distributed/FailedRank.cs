namespace Skipwise.Distributed;

/// <summary>The rank on which an error arose that all ranks throw, kept with the error.</summary>
internal static class FailedRank
{
    private static readonly object s_key = new();

    /// <summary>Notes the rank: a number, and the name of its host.</summary>
    public static Exception With(Exception error, int rank, string host)
    {
        error.Data[s_key] = (rank, host);
        return error;
    }

    /// <summary>null if the error is that of this rank alone, of which the others do not know yet</summary>
    public static (int Rank, string Host)? Of(Exception error) => error.Data[s_key] as (int, string)?;
}
