using Skipwise.Numerics;
using Skipwise.Positions;
using Skipwise.TokenStores;

namespace Skipwise.Data;

/// <summary>
/// One PoSE example per document and epoch. Order and positions are drawn anew every epoch, from (seed, epoch, index) alone:
/// the released code draws once and repeats the same skips ever after. Documents may have any length. Safe to read from several threads.
/// </summary>
public sealed class PoseDataset : IExampleSource
{
    // The stream of an epoch's order; examples have indices far below it.
    private const ulong OrderIndex = ulong.MaxValue;

    private readonly ITokenSource _documents;
    private readonly PoseOptions _pose;
    private readonly ulong _seed;
    private readonly int? _bosId;
    private readonly int[] _usable;
    // The orders of the last even and the last odd epoch: readers ahead of others may already be in the next one.
    private readonly EpochOrder?[] _orders = new EpochOrder?[2];

    /// <param name="documents">token ids without BOS; must stay open as long as this source is read</param>
    /// <param name="pose">what the windows look like</param>
    /// <param name="seed">the run's seed</param>
    /// <param name="bosId">BOS, put before every window as its first token and counted in its length; null: none</param>
    /// <param name="minDocumentTokens">shorter documents are left out; so are those too short for a single label</param>
    /// <exception cref="SkipwiseException">impossible options, or no document is long enough</exception>
    public PoseDataset(ITokenSource documents, PoseOptions pose, ulong seed, int? bosId, int minDocumentTokens)
    {
        pose.Validate();
        (_documents, _pose, _seed, _bosId) = (documents, pose, seed, bosId);
        int least = Math.Max(minDocumentTokens, bosId is null ? 2 : 1);
        List<int> usable = [];
        int longest = 0;
        for (int document = 0; document < documents.Count; document++)
        {
            int length = documents.LengthOf(document);
            longest = Math.Max(longest, length);
            if (length >= least)
            {
                usable.Add(document);
            }
        }
        if (usable.Count == 0)
        {
            throw new SkipwiseException(documents.Count == 0
                ? "The training data holds no documents. Check the path given with --data and that its files are not empty."
                : $"None of the {documents.Count} documents has the {least} tokens that training asks for; the longest has {longest}. Add longer documents, join short ones, or lower --min-document-tokens.");
        }
        _usable = [.. usable];
        SkippedDocuments = documents.Count - _usable.Length;
        MinDocumentTokens = least;
    }

    /// <inheritdoc/>
    public int Count => _usable.Length;

    /// <summary>tokens of the shortest document that is not left out, at least</summary>
    public int MinDocumentTokens { get; }

    /// <summary>documents left out because they are too short</summary>
    public int SkippedDocuments { get; }

    /// <inheritdoc/>
    public TrainingExample this[int epoch, int index]
    {
        get
        {
            (PositionPlan plan, int document) = Plan(epoch, index);
            int[] inputIds = Tokens(plan, _documents[document]);
            int[] labels = [.. inputIds];
            if (_pose.MaskSeams && _pose.Mode == PositionMode.Pose)
            {
                MaskSeams(plan, labels);
            }
            return new TrainingExample(inputIds, plan.PositionIds(), labels);
        }
    }

    /// <summary>
    /// The plan behind an example, and its document. With BOS the plan counts it as content index 0, one before the document's
    /// first token; when the window starts later, BOS takes the place of the token before it.
    /// </summary>
    public (PositionPlan Plan, int Document) Plan(int epoch, int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
        int document = _usable[Order(epoch)[index]];
        var rng = new KeyedRandom(_seed, (ulong)epoch, (ulong)index);
        return (PoseSampler.Sample(ref rng, _documents[document], _pose, LeadingTokens), document);
    }

    private int LeadingTokens => _bosId is null ? 0 : 1;

    private int[] Tokens(PositionPlan plan, ReadOnlySpan<int> document)
    {
        int[] tokens = plan.ContentIndices();
        if (_bosId is int bos)
        {
            tokens[0] = bos;
        }
        for (int t = LeadingTokens; t < tokens.Length; t++)
        {
            tokens[t] = document[tokens[t] - LeadingTokens];
        }
        return tokens;
    }

    private static void MaskSeams(PositionPlan plan, int[] labels)
    {
        int seam = 0;
        for (int chunk = 0; chunk < plan.Chunks.Length - 1; chunk++)
        {
            seam += plan.Chunks[chunk].Length;
            labels[seam] = TrainingExample.IgnoreIndex;
        }
    }

    private int[] Order(int epoch)
    {
        // Two threads may both compute the same order; the values are equal, so it does not matter whose is kept.
        EpochOrder? kept = Volatile.Read(ref _orders[epoch & 1]);
        if (kept?.Epoch != epoch)
        {
            int[] order = [.. Enumerable.Range(0, Count)];
            new KeyedRandom(_seed, (ulong)epoch, OrderIndex).Shuffle<int>(order);
            kept = new EpochOrder(epoch, order);
            Volatile.Write(ref _orders[epoch & 1], kept);
        }
        return kept.Order;
    }

    private sealed record EpochOrder(int Epoch, int[] Order);
}
