using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints;

/// <summary>Which tensor goes into which file, so that no file is larger than a limit unless one tensor alone is.</summary>
internal sealed record ShardPlan(IReadOnlyList<(string File, IReadOnlyList<(string Name, Tensor Tensor, ScalarType Type)> Tensors)> Shards, long TotalBytes)
{
    public static ShardPlan Split(IEnumerable<(string Name, Tensor Tensor, ScalarType Type)> tensors, long limit)
    {
        var shards = new List<List<(string Name, Tensor Tensor, ScalarType Type)>> { new() };
        long total = 0, inShard = 0;
        foreach ((string Name, Tensor Tensor, ScalarType Type) tensor in tensors)
        {
            long bytes = tensor.Tensor.numel() * StoredType.Of(tensor.Type).Size;
            if (inShard > 0 && inShard + bytes > limit)
            {
                shards.Add([]);
                inShard = 0;
            }
            shards[^1].Add(tensor);
            inShard += bytes;
            total += bytes;
        }
        string Name(int shard) => shards.Count == 1 ? WeightFiles.SingleName : $"model-{shard + 1:00000}-of-{shards.Count:00000}.safetensors";
        return new ShardPlan([.. shards.Select((shard, i) => (Name(i), (IReadOnlyList<(string, Tensor, ScalarType)>)shard))], total);
    }

    /// <summary>The index file's content: which shard holds which tensor.</summary>
    public string Index()
    {
        var map = new JsonObject();
        foreach ((string file, IReadOnlyList<(string Name, Tensor, ScalarType)> tensors) in Shards)
        {
            foreach ((string name, _, _) in tensors)
            {
                map[name] = file;
            }
        }
        return HfConfig.Text(new JsonObject { ["metadata"] = new JsonObject { ["total_size"] = TotalBytes }, ["weight_map"] = map });
    }
}
