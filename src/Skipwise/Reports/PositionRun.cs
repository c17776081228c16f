namespace Skipwise.Reports;

/// <summary>Tokens of one example with consecutive position ids: a chunk as the model gets it.</summary>
/// <param name="FirstPosition">position id of the first token</param>
/// <param name="Length">number of tokens</param>
internal sealed record PositionRun(int FirstPosition, int Length)
{
    /// <summary>Splits an example's position ids at skips; adjacent chunks without a skip form one run.</summary>
    public static IReadOnlyList<PositionRun> Split(ReadOnlySpan<int> positionIds)
    {
        var runs = new List<PositionRun>();
        int start = 0;
        for (int i = 1; i <= positionIds.Length; i++)
        {
            if (i == positionIds.Length || positionIds[i] != positionIds[i - 1] + 1)
            {
                runs.Add(new PositionRun(positionIds[start], i - start));
                start = i;
            }
        }
        return runs;
    }
}
