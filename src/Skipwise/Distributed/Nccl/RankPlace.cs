namespace Skipwise.Distributed.Nccl;

/// <summary>Where a process stands among those of its job, and of its host.</summary>
internal sealed record RankPlace(int Rank, int Size, int LocalRank, int LocalSize)
{
    public static RankPlace Of(ICollective collective) => new(collective.Rank, collective.Size, collective.LocalRank, collective.LocalSize);
}
