namespace Skipwise.Tests.Distributed.Mpi;

/// <summary>Jobs of several processes run one at a time, and while no other test does: some of the tests measure seconds.</summary>
[CollectionDefinition(nameof(MpiJobs), DisableParallelization = true)]
public sealed class MpiJobs : ICollectionFixture<RankedTraining>;
