using Skipwise.Models;

namespace Skipwise.Checkpoints.HuggingFace;

public sealed partial record ModelFamily
{
    /// <summary>
    /// The stored tensors of a model in this family. Every row of every canonical parameter is in exactly one block, so the mapping works
    /// in both directions.
    /// </summary>
    public IEnumerable<StoredParameter> StoredParameters(DecoderConfig model)
    {
        // Parts of a fused tensor follow one another in the canonical order, weights and biases separately; each waits for its last part.
        var waiting = new List<(string Name, long[] Shape)>();
        foreach ((string name, long[] shape) in Parameters(model))
        {
            if (FusedWeights.FirstOrDefault(f => f.Canonical.Any(part => Has(name, part))) is not { } fusion)
            {
                yield return new(StoredName(name), shape, [new(name, 0, shape[0])]);
                continue;
            }
            waiting.Add((name, shape));
            string last = fusion.Canonical[^1];
            if (!Has(name, last))
            {
                continue;
            }
            (string Name, long[] Shape)[] parts =
                [.. fusion.Canonical.Select(part => waiting.Single(w => w.Name == name.Replace(last, part, StringComparison.Ordinal)))];
            waiting.RemoveAll(parts.Contains);
            yield return new(
                StoredName(name.Replace(last, fusion.Stored, StringComparison.Ordinal)),
                [parts.Sum(part => part.Shape[0]), .. shape[1..]],
                [.. Blocks(parts, fusion.PerHead ? model.NumKeyValueHeads : 1)]);
        }
    }

    private static IEnumerable<RowBlock> Blocks((string Name, long[] Shape)[] parts, int heads)
    {
        for (int head = 0; head < heads; head++)
        {
            foreach ((string name, long[] shape) in parts)
            {
                yield return new(name, head * shape[0] / heads, shape[0] / heads);
            }
        }
    }

    private static bool Has(string name, string part) => name.Contains($".{part}.", StringComparison.Ordinal);
}
