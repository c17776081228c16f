namespace Skipwise.Inference;

/// <summary>
/// Where the prefixes of consecutive batches are split: where a later one parts from them, or they from an earlier one. Each part is one
/// prefill of its own. So the keys and values of a prefix are the same to the last bit, whether a part of it was cached or not: they depend
/// on the plan, and not on the batches that were computed before. Pure.
/// </summary>
internal sealed class PrefixPlan
{
    /// <summary>Fewer tokens are not worth a forward of their own.</summary>
    private const int FewestShared = 16;

    private readonly int[] _firstPrefix; // of each batch, and one more
    private readonly int[][] _splits; // of each prefix

    /// <param name="batches">in their order: the prefixes that they put into the cache, in order, and the number of their other
    /// tokens</param>
    public PrefixPlan(IReadOnlyList<(IReadOnlyList<int[]> Prefixes, long Others)> batches)
    {
        int[][] prefixes = [.. batches.SelectMany(batch => batch.Prefixes)];
        _firstPrefix = new int[batches.Count + 1];
        for (int batch = 0; batch < batches.Count; batch++)
        {
            _firstPrefix[batch + 1] = _firstPrefix[batch] + batches[batch].Prefixes.Count;
        }
        int[] shared = [.. prefixes.Select((prefix, i) => i == 0 ? 0 : Shared(prefixes[i - 1], prefix)), 0];
        int[][] before = new int[prefixes.Length][], after = new int[prefixes.Length][];
        for (int i = 0; i < prefixes.Length; i++)
        {
            before[i] = Partings(i == 0 ? [] : before[i - 1], shared[i]);
        }
        for (int i = prefixes.Length - 1; i >= 0; i--)
        {
            after[i] = Partings(i == prefixes.Length - 1 ? [] : after[i + 1], shared[i + 1]);
        }
        _splits =
        [
            .. prefixes.Select((prefix, i) =>
                (int[])[.. before[i].Union(after[i]).Where(split => split < prefix.Length).Order()]),
        ];
        Tokens =
        [
            .. batches.Select((batch, i) =>
            {
                long whole = batch.Others + batch.Prefixes.Sum(prefix => (long)prefix.Length);
                long within = Enumerable.Range(_firstPrefix[i], batch.Prefixes.Count).Skip(1).Sum(prefix => (long)shared[prefix]);
                return (whole - within, whole - within - (batch.Prefixes.Count > 0 ? shared[_firstPrefix[i]] : 0));
            }),
        ];
    }

    /// <summary>The tokens to be computed for each batch: if it is the first, and after the batch before it.</summary>
    public IReadOnlyList<(long First, long Next)> Tokens { get; }

    /// <summary>Where each prefix of a batch is split, in ascending order.</summary>
    public IReadOnlyList<int[]> SplitsOf(int batch) => _splits[_firstPrefix[batch].._firstPrefix[batch + 1]];

    private static int Shared(int[] prefix, int[] next) =>
        prefix.AsSpan().CommonPrefixLength(next) is >= FewestShared and var shared ? shared : 0;

    /// <summary>The partings of a prefix on one side: those of its neighbour, as far as the two are the same.</summary>
    private static int[] Partings(int[] ofNeighbour, int shared) =>
        shared == 0 ? [] : [.. ofNeighbour.Where(parting => parting < shared), shared];
}
