using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Models;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// The tensors of a GGUF file as Hugging Face stores them: its names, its order of rows, its values. No bytes are moved: an entry says how
/// they are read. The counterpart of <see cref="GgufModelWriter"/>.
/// </summary>
internal static class GgufTensors
{
    private const int MostProblems = 100;

    // part of the configuration, not of the weights
    private static readonly string[] s_factors = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"];

    /// <summary>The entries of the family's tensors, in its order.</summary>
    /// <exception cref="SkipwiseException">every missing, unexpected, misshapen and unreadable tensor, in one message, by llama.cpp's
    /// names</exception>
    public static IReadOnlyList<TensorEntry> AsHuggingFace(GgufFile file, HfConfig config)
    {
        GgufArchitecture architecture = GgufConfig.ArchitectureOf(file);
        StoredParameter[] stored = [.. architecture.StoredParameters(config.Model)];
        Require(file, stored, architecture.PairFactors == PairFactors.None ? [] : s_factors);
        var byPart = new Dictionary<string, StoredParameter>();
        foreach (StoredParameter parameter in stored)
        {
            foreach (RowBlock block in parameter.Blocks)
            {
                byPart[block.Canonical] = parameter;
            }
        }
        return
        [
            .. config.Family.StoredParameters(config.Model).Select(wanted =>
            {
                StoredParameter own = byPart[wanted.Blocks[0].Canonical];
                return file.Tensors[own.Name] with
                {
                    Name = wanted.Name,
                    View = Order(architecture, config.Model, own, wanted),
                    Added = -architecture.AddedTo(wanted.Blocks[0].Canonical),
                };
            }),
        ];
    }

    /// <summary>The order in which a tensor is read; null: as it is.</summary>
    private static StridedView? Order(GgufArchitecture architecture, DecoderConfig model, StoredParameter own, StoredParameter wanted)
    {
        long columns = own.Shape.Count > 1 ? own.Shape[1] : 1;
        if (architecture.ReorderedHeads(wanted.Blocks[0].Canonical, model) is { } heads)
        {
            long size = own.Shape[0] / heads; // neighboring rows become those that are half a head apart
            return new([heads, 2, size / 2, columns], [size * columns, columns, 2 * columns, 1]);
        }
        if (own.Blocks.SequenceEqual(wanted.Blocks))
        {
            return null;
        }
        // whole parts (q, k, v) become parts head by head (q1, k1, v1, q2, ...); they are of equal size
        long parts = own.Blocks.Count, rows = own.Blocks[0].Rows, perHead = wanted.Blocks[0].Rows;
        return new([rows / perHead, parts, perHead, columns], [perHead * columns, rows * columns, columns, 1]);
    }

    private static void Require(GgufFile file, StoredParameter[] stored, string[] others)
    {
        var problems = new List<string>();
        foreach (StoredParameter parameter in stored.TakeWhile(_ => problems.Count < MostProblems))
        {
            string expected = TensorEntry.Describe(parameter.Shape);
            if (!file.Tensors.TryGetValue(parameter.Name, out TensorEntry? entry))
            {
                problems.Add($"tensor {parameter.Name}: missing, expected {expected}");
            }
            else if (!entry.Shape.SequenceEqual(parameter.Shape))
            {
                problems.Add($"tensor {parameter.Name}: expected {expected}, found {TensorEntry.Describe(entry.Shape)}");
            }
            else if (!entry.Type.IsReadAsFloat)
            {
                problems.Add(
                    $"tensor {parameter.Name}: has the type {entry.Type}; {string.Join(", ", GgufType.Readable)} are read. Use a file of " +
                    "one of them");
            }
        }
        HashSet<string> known = [.. stored.Select(parameter => parameter.Name), .. others];
        problems.AddRange(file.Tensors.Values.Where(entry => !known.Contains(entry.Name)).Take(MostProblems)
            .Select(entry => $"tensor {entry.Name}: unexpected, found {entry}"));
        if (problems.Count > 0)
        {
            string more = problems.Count > MostProblems ? $"{Environment.NewLine}  ... and more" : "";
            throw new SkipwiseException(
                $"{file.Path}: the tensors are not those of the model that the keys describe:{Environment.NewLine}  " +
                string.Join($"{Environment.NewLine}  ", problems.Take(MostProblems)) + more);
        }
    }
}
