using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats;

/// <summary>Writes a checkpoint as safetensors into a folder: one file, or shards with an index.</summary>
/// <param name="folder">an existing folder</param>
internal sealed class SafetensorsFolder(string folder) : IWeightWriter
{
    private readonly List<string> _written = [];

    /// <summary>The name of a single file, from which those of shards and index follow.</summary>
    public string FileName { get; init; } = WeightFiles.SingleName;

    /// <summary>Bytes of weights per shard; a single larger tensor has a shard of its own.</summary>
    public long ShardBytes { get; init; } = long.MaxValue;

    /// <summary>The header's <c>__metadata__</c>; null writes <c>{"format": "pt"}</c>.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <summary>Number of ranks that write the shards together. No shard has more than the bytes of a rank, unless a single tensor does,
    /// and each is written by the rank that has the fewest bytes so far.</summary>
    public int Ranks { get; init; } = 1;

    /// <summary>This rank. It takes part in gathering the shards of the others, and rank 0 writes the index.</summary>
    public int Rank { get; init; }

    /// <summary>Names of the files that this has written.</summary>
    public IReadOnlyList<string> Written => _written;

    /// <inheritdoc/>
    public void Write(IReadOnlyList<OutputTensor> tensors)
    {
        long perRank = (tensors.Sum(tensor => tensor.Bytes) + Ranks - 1) / Ranks;
        ShardPlan plan = ShardPlan.Split(tensors, Math.Min(ShardBytes, perRank), FileName);
        long[] given = new long[Ranks];
        foreach ((string file, IReadOnlyList<OutputTensor> inShard) in plan.Shards)
        {
            int writer = Array.IndexOf(given, given.Min());
            given[writer] += inShard.Sum(tensor => tensor.Bytes);
            if (writer == Rank)
            {
                SafetensorsWriter.Write(Path.Combine(folder, file), inShard, Metadata);
                _written.Add(file);
            }
            else
            {
                new NoFile().Write(inShard);
            }
        }
        if (plan.Shards.Count > 1 && Rank == 0)
        {
            string index = $"{FileName}{WeightFiles.IndexEnding}";
            AtomicFile.WriteText(Path.Combine(folder, index), plan.Index());
            _written.Add(index);
        }
    }
}
