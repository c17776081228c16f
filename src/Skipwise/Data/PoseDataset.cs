using Skipwise.Numerics;
using Skipwise.Positions;
using Skipwise.Recipes;
using Skipwise.TokenStores;

namespace Skipwise.Data;

/// <summary>
/// One PoSE example per document and epoch. Order and positions are drawn anew every epoch, from (seed, epoch, index) alone; the released
/// code draws once and repeats the same skips in every epoch. Documents may have any length. Thread-safe.
/// </summary>
public sealed class PoseDataset : IExampleSource
{
    // The stream of an epoch's order; indices of examples are far below it.
    private const ulong OrderIndex = ulong.MaxValue;

    private readonly ITokenSource _documents;
    private readonly PoseOptions _pose;
    private readonly ulong _seed;
    private readonly int? _bosId;
    private readonly int[] _usable;
    // The orders of the last even and the last odd epoch, because some readers may already be in the next epoch.
    private readonly EpochOrder?[] _orders = new EpochOrder?[2];

    /// <summary>Selects the documents that are long enough.</summary>
    /// <param name="documents">token ids without BOS; must stay open as long as this source is used</param>
    /// <param name="pose">options of the windows</param>
    /// <param name="seed">the run's seed</param>
    /// <param name="bosId">BOS, prepended to every window and counted in its length; null: none</param>
    /// <param name="minDocumentTokens">shorter documents are skipped, as are those too short for a single label</param>
    /// <exception cref="SkipwiseException">invalid options, or no document is long enough</exception>
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
                ? "The training data holds no documents. Check the path given with " +
                    $"{OptionName.Of(nameof(DataOptions.Paths))} and that its files are not empty."
                : $"None of the {documents.Count} documents has the {least} tokens that training asks for; the longest has {longest}. " +
                    $"Add longer documents, join short ones, or lower {OptionName.Of(nameof(FineTuneOptions.MinDocumentTokens))}.");
        }
        _usable = [.. usable];
        SkippedDocuments = documents.Count - _usable.Length;
        MinDocumentTokens = least;
    }

    /// <inheritdoc/>
    public int Count => _usable.Length;

    /// <summary>least number of tokens of a document that is used</summary>
    public int MinDocumentTokens { get; }

    /// <summary>number of documents skipped because they are too short</summary>
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
    /// The plan of an example, and its document. With BOS, content index 0 is BOS and the document's first token has index 1. If the
    /// window starts later, BOS replaces the token before it.
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
        // Two threads may compute the same order; the values are equal, so either may be kept.
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
