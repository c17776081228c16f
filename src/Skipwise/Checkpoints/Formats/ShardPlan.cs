using System.Text.Json.Nodes;
using Skipwise.Checkpoints.HuggingFace;

namespace Skipwise.Checkpoints.Formats;

/// <summary>The assignment of tensors to shards. No shard exceeds the limit unless a single tensor does.</summary>
internal sealed record ShardPlan(IReadOnlyList<(string File, IReadOnlyList<OutputTensor> Tensors)> Shards, long TotalBytes)
{
    /// <summary>Assigns the tensors, in their order.</summary>
    /// <param name="limit">bytes per shard</param>
    /// <param name="fileName">the name of a single file; shards have -00001-of-00002 and so on before its extension</param>
    public static ShardPlan Split(IEnumerable<OutputTensor> tensors, long limit, string fileName)
    {
        var shards = new List<List<OutputTensor>> { new() };
        long total = 0, inShard = 0;
        foreach (OutputTensor tensor in tensors)
        {
            long bytes = tensor.Bytes;
            if (inShard > 0 && inShard + bytes > limit)
            {
                shards.Add([]);
                inShard = 0;
            }
            shards[^1].Add(tensor);
            inShard += bytes;
            total += bytes;
        }
        string Name(int shard) =>
            shards.Count == 1 ? fileName
            : $"{Path.GetFileNameWithoutExtension(fileName)}-{shard + 1:00000}-of-{shards.Count:00000}{Path.GetExtension(fileName)}";
        return new ShardPlan([.. shards.Select((shard, i) => (Name(i), (IReadOnlyList<OutputTensor>)shard))], total);
    }

    /// <summary>The index file's content: the shard of each tensor.</summary>
    public string Index()
    {
        var map = new JsonObject();
        foreach ((string file, IReadOnlyList<OutputTensor> tensors) in Shards)
        {
            foreach (OutputTensor tensor in tensors)
            {
                map[tensor.Name] = file;
            }
        }
        return HfConfig.Text(new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = TotalBytes }, ["weight_map"] = map });
    }
}
