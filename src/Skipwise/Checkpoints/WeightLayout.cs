using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints;

/// <summary>
/// How a checkpoint stores its parameters, remembered so that saving gives back what was loaded: the type of each tensor,
/// the names of a tied head, the metadata.
/// </summary>
/// <param name="Stored">stored name -> canonical name and the type in the file, in the order of the file</param>
/// <param name="Metadata">the header's <c>__metadata__</c></param>
public sealed record WeightLayout(IReadOnlyList<(string Stored, string Canonical, ScalarType Type)> Stored, IReadOnlyDictionary<string, string>? Metadata)
{
    private const int MostProblems = 100;

    /// <summary>The layout of a fresh model: float32, canonical order.</summary>
    public static WeightLayout Fresh(ModelFamily family, DecoderConfig model) =>
        new([.. ModelFamily.Parameters(model).Select(p => (family.StoredName(p.Name), p.Name, ScalarType.Float32))], null);

    /// <summary>Matches the files with the parameters that the configuration calls for, before any memory is taken for them.</summary>
    /// <exception cref="SkipwiseException">every missing, unexpected and misshapen tensor, in one message</exception>
    public static WeightLayout Match(WeightFiles weights, ModelFamily family, DecoderConfig model)
    {
        var problems = new List<string>();
        var canonical = new Dictionary<string, string>();
        foreach ((string name, long[] shape) in ModelFamily.Parameters(model))
        {
            string[] stored = [.. StoredNames(name, family, model).Where(weights.Tensors.ContainsKey)];
            foreach (string found in stored)
            {
                canonical[found] = name;
                StoredTensor tensor = weights.Tensors[found];
                if (!tensor.Entry.Shape.SequenceEqual(shape))
                {
                    problems.Add($"  {tensor.File.Path}: tensor {found}: expected {TensorEntry.Describe(shape)}, found {TensorEntry.Describe(tensor.Entry.Shape)}");
                }
                else if (!tensor.Entry.Type.IsFloat)
                {
                    problems.Add($"  {tensor.File.Path}: tensor {found}: expected F64, F32, F16 or BF16, found {tensor.Entry.Type}");
                }
            }
            if (stored.Length == 0)
            {
                problems.Add($"  {weights.Location}: tensor {family.StoredName(name)}: missing, expected {TensorEntry.Describe(shape)}");
            }
            if (problems.Count >= MostProblems)
            {
                break; // a config.json that claims a million layers must not fill the memory with complaints
            }
        }
        problems.AddRange(weights.Tensors.Values
            .Where(tensor => problems.Count < MostProblems && !canonical.ContainsKey(tensor.Entry.Name) && !family.Ignores(tensor.Entry.Name))
            .Select(tensor => $"  {tensor.File.Path}: tensor {tensor.Entry.Name}: unexpected, found {TensorEntry.Describe(tensor.Entry.Shape)}"));
        if (problems.Count > 0)
        {
            string more = problems.Count >= MostProblems ? $"{Environment.NewLine}  ... and more" : "";
            throw new SkipwiseException($"{weights.Location}: the weights do not fit {HfConfig.FileName}:{Environment.NewLine}{string.Join(Environment.NewLine, problems)}{more}");
        }
        return new WeightLayout(
            [.. weights.Tensors.Values.Where(t => canonical.ContainsKey(t.Entry.Name)).Select(t => (t.Entry.Name, canonical[t.Entry.Name], t.Entry.Type.Torch!.Value))],
            weights.Metadata);
    }

    /// <summary>A tied embedding lies in the file under its own name, the head's name, or both.</summary>
    private static string[] StoredNames(string canonical, ModelFamily family, DecoderConfig model) =>
        model.TieWordEmbeddings && canonical == ModelFamily.EmbeddingName
            ? [family.StoredName(canonical), family.StoredName(ModelFamily.HeadName)]
            : [family.StoredName(canonical)];
}
