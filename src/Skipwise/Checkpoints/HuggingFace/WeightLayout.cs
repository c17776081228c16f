using Skipwise.Checkpoints.Formats;
using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// The storage layout of a checkpoint, kept so that saving reproduces it: the type of each tensor, the names of a tied head, the metadata.
/// </summary>
/// <param name="Stored">the tensors with their types in the file, in the order of the file</param>
/// <param name="Metadata">the header's <c>__metadata__</c></param>
internal sealed record WeightLayout(IReadOnlyList<(StoredParameter Parameter, ScalarType Type)> Stored,
    IReadOnlyDictionary<string, string>? Metadata)
{
    private const int MostProblems = 100;

    /// <summary>The matrices that an inference-only model keeps in the file's 16-bit type (see <see cref="ModelSource"/>).</summary>
    public IEnumerable<(StoredParameter Parameter, ScalarType Type)> HalfPrecision =>
        Stored.Where(tensor => IsNarrow(tensor.Parameter, tensor.Type));

    /// <summary>bytes of the weights of an inference-only model</summary>
    public long FrozenBytes => Stored.DistinctBy(tensor => tensor.Parameter.Blocks[0].Canonical) // a tied tensor may be stored twice
        .Sum(tensor =>
            tensor.Parameter.Shape.Aggregate(IsNarrow(tensor.Parameter, tensor.Type) ? (long)sizeof(ushort) : sizeof(float),
                (product, size) => product * size));

    /// <summary>The layout of a new model: float32, canonical order.</summary>
    public static WeightLayout Default(ModelFamily family, DecoderConfig model) =>
        new([.. family.StoredParameters(model).Select(parameter => (parameter, ScalarType.Float32))], null);

    /// <summary>Matches the files' tensors with the configuration's parameters, before memory is allocated for them.</summary>
    /// <exception cref="SkipwiseException">every missing, unexpected and misshapen tensor, in one message</exception>
    public static WeightLayout Match(WeightFiles weights, ModelFamily family, DecoderConfig model)
    {
        var problems = new List<string>();
        var matched = new Dictionary<string, StoredParameter>();
        foreach (StoredParameter parameter in family.StoredParameters(model))
        {
            StoredParameter[] stored =
                [.. Spellings(parameter, family, model).Where(spelling => weights.Tensors.ContainsKey(spelling.Name))];
            foreach (StoredParameter found in stored)
            {
                matched[found.Name] = found;
                StoredTensor tensor = weights.Tensors[found.Name];
                if (!tensor.Entry.Shape.SequenceEqual(found.Shape))
                {
                    problems.Add(
                        $"  {tensor.File.Path}: tensor {found.Name}: expected {TensorEntry.Describe(found.Shape)}, found " +
                        $"{TensorEntry.Describe(tensor.Entry.Shape)}");
                }
                else if (!tensor.Entry.Type.IsReadAsFloat)
                {
                    problems.Add($"  {tensor.File.Path}: tensor {found.Name}: expected F64, F32, F16 or BF16, found {tensor.Entry.Type}");
                }
            }
            if (stored.Length == 0)
            {
                problems.Add($"  {weights.Location}: tensor {parameter.Name}: missing, expected {TensorEntry.Describe(parameter.Shape)}");
            }
            if (problems.Count >= MostProblems)
            {
                break; // a config.json that claims a million layers must not fill the memory with messages
            }
        }
        problems.AddRange(weights.Tensors.Values
            .Where(tensor => problems.Count < MostProblems && !matched.ContainsKey(tensor.Entry.Name)
                && !ModelFamily.Ignores(tensor.Entry.Name))
            .Select(tensor =>
                $"  {tensor.File.Path}: tensor {tensor.Entry.Name}: unexpected, found {TensorEntry.Describe(tensor.Entry.Shape)}"));
        if (problems.Count > 0)
        {
            string more = problems.Count >= MostProblems ? $"{Environment.NewLine}  ... and more" : "";
            throw new SkipwiseException(
                $"{weights.Location}: the weights do not fit " +
                $"{HfConfig.FileName}:{Environment.NewLine}{string.Join(Environment.NewLine, problems)}{more}");
        }
        return new WeightLayout(
            [.. weights.Tensors.Values.Where(t => matched.ContainsKey(t.Entry.Name))
                .Select(t => (matched[t.Entry.Name], t.Entry.Type.ReadAs!.Value))],
            weights.Metadata);
    }

    /// <summary>The layout of the same model with an untied head, of the embedding's type.</summary>
    public WeightLayout Untied(ModelFamily family)
    {
        bool IsTied((StoredParameter Parameter, ScalarType Type) tensor) =>
            tensor.Parameter.Blocks[0].Canonical == ModelFamily.EmbeddingName;
        (StoredParameter tied, ScalarType type) = Stored.First(IsTied);
        (StoredParameter, ScalarType) Own(string canonical) =>
            (tied with { Name = family.StoredName(canonical), Blocks = [tied.Blocks[0] with { Canonical = canonical }] }, type);
        return this with
        {
            Stored = [Own(ModelFamily.EmbeddingName), .. Stored.Where(tensor => !IsTied(tensor)),
            Own(ModelFamily.HeadName)]
        };
    }

    private static bool IsNarrow(StoredParameter parameter, ScalarType type) =>
        type is ScalarType.Float16 or ScalarType.BFloat16 && parameter.Shape.Count == 2;

    /// <summary>The names under which a parameter is stored: a tied embedding under its own name, the head's name, or both.</summary>
    private static StoredParameter[] Spellings(StoredParameter parameter, ModelFamily family, DecoderConfig model) =>
        model.TieWordEmbeddings && parameter.Blocks[0].Canonical == ModelFamily.EmbeddingName
            ? [parameter, parameter with { Name = family.StoredName(ModelFamily.HeadName) }]
            : [parameter];
}
