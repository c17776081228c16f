using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats;

/// <summary>Writes a checkpoint as safetensors into a folder: one file, or shards with an index.</summary>
/// <param name="folder">an existing folder</param>
internal sealed class SafetensorsFolder(string folder) : IWeightWriter
{
    /// <summary>The name of a single file, from which those of shards and index follow.</summary>
    public string FileName { get; init; } = WeightFiles.SingleName;

    /// <summary>Bytes of weights per shard; a single larger tensor has a shard of its own.</summary>
    public long ShardBytes { get; init; } = long.MaxValue;

    /// <summary>The header's <c>__metadata__</c>; null writes <c>{"format": "pt"}</c>.</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    /// <inheritdoc/>
    public void Write(IReadOnlyList<OutputTensor> tensors)
    {
        ShardPlan plan = ShardPlan.Split(tensors, ShardBytes, FileName);
        foreach ((string file, IReadOnlyList<OutputTensor> inShard) in plan.Shards)
        {
            SafetensorsWriter.Write(Path.Combine(folder, file), inShard, Metadata);
        }
        if (plan.Shards.Count > 1)
        {
            AtomicFile.WriteText(Path.Combine(folder, $"{FileName}{WeightFiles.IndexEnding}"), plan.Index());
        }
    }
}
