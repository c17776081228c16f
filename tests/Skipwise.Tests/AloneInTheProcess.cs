namespace Skipwise.Tests;

/// <summary>Tests that measure the memory of the process, or set what all of its threads share, run while no other does: libtorch splits
/// sums by its number of threads, so another test's numbers would change in their last bits.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;
