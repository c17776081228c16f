using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Checkpoints.Peft;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Storage.Gguf;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// Writes a LoRA adapter alone as a GGUF file, which llama.cpp adds to a file of the base model. It has A and B for each tensor of that
/// file that the adapter changes. B has the rows of its weight, so they go the way of the weight's rows: divided, fused and reordered as
/// in the base model's file. A belongs to the columns, which all files share.
/// </summary>
internal static class GgufLora
{
    private const string A = ".lora_a", B = ".lora_b";
    private const int MostNames = 3;

    /// <summary>Writes the file.</summary>
    /// <param name="folder">the adapter's, for error messages</param>
    /// <param name="config">of the base model</param>
    /// <param name="model">the base model with the rope that the adapter was trained with, which decides the architecture</param>
    /// <param name="path">replaced only if Skipwise wrote it</param>
    /// <param name="name">the adapter's, for people</param>
    /// <param name="type">of A and B, without blocks</param>
    /// <param name="stop">leaves the file as it was</param>
    /// <returns>the tensors of the file</returns>
    /// <exception cref="SkipwiseException">the adapter holds more than A and B, or is for another model; llama.cpp cannot compute the model
    /// or the adapter; values leave the type's range; or the file cannot be written or replaced</exception>
    public static IReadOnlyList<GgufTensor> Write(LoraAdapter adapter, string folder, HfConfig config, DecoderConfig model, string path,
        string name, GgufType type, CancellationToken stop = default)
    {
        var architecture = GgufArchitecture.For(config.Family.ModelType, model);
        RequireFactorsAlone(adapter, folder);
        RequireComputable(adapter, folder, config.Family, model);
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        Dictionary<string, (LoraWeight Weight, Tensor B)> changes = ByParameter(adapter, folder, config.Family, model);
        float alpha = Alpha(adapter.Weights);
        var metadata = new GgufMetadata();
        metadata.Add("general.architecture", architecture.Name);
        metadata.Add("general.type", "adapter");
        metadata.Add("general.name", name);
        metadata.Add("adapter.type", "lora");
        metadata.Add("adapter.lora.alpha", alpha);
        var writer = new GgufModelWriter(path, architecture, model, type, metadata) { Stop = stop };
        writer.Write([.. architecture.StoredParameters(model)
            .Where(stored => changes.ContainsKey(stored.Blocks[0].Canonical))
            .SelectMany(stored => Factors(stored, changes, alpha))]);
        return writer.Written;
    }

    private static void RequireFactorsAlone(LoraAdapter adapter, string folder)
    {
        string[] others = [.. adapter.Base.Concat(adapter.FullWeights).Select(weight => weight.Name)];
        if (others.Length > 0)
        {
            string more = others.Length > MostNames ? $" and {others.Length - MostNames} more" : "";
            throw Refused(folder,
                $"holds weights besides A and B ({string.Join(", ", others.Take(MostNames))}{more}), and a GGUF adapter cannot");
        }
        if (adapter.Weights.Count == 0)
        {
            throw new SkipwiseException($"{folder}: holds no LoRA weights: there is nothing to export. Check the folder");
        }
    }

    private static void RequireComputable(LoraAdapter adapter, string folder, ModelFamily family, DecoderConfig model)
    {
        bool Changes(string canonical) => adapter.Weights.Any(weight => weight.Target == family.StoredName(canonical));
        if (model.TieWordEmbeddings && (Changes(ModelFamily.EmbeddingName) || Changes(ModelFamily.HeadName)))
        {
            // llama.cpp finds an adapter by the name of the tensor, and has one tensor and two ways of multiplying for the two
            throw Refused(folder,
                "changes the embedding or the head, which are one matrix in this model, and llama.cpp has no adapter of it");
        }
        if (model.NormalizedHead && Changes(ModelFamily.HeadName))
        {
            throw Refused(folder,
                "changes the head, whose rows are normalized in this model after the change, and llama.cpp changes them afterwards");
        }
    }

    private static SkipwiseException Refused(string folder, string why) => new(
        $"{folder}: {why}. Export the whole model with the adapter merged into it: " +
        $"{OptionName.Of(nameof(ExportModelOptions.Format))} gguf");

    /// <summary>The changed parameters of the model, each with its LoRA weight and its rows of B. Parameters that the family stores as one
    /// tensor share a LoRA weight.</summary>
    private static Dictionary<string, (LoraWeight Weight, Tensor B)> ByParameter(LoraAdapter adapter, string folder, ModelFamily family,
        DecoderConfig model)
    {
        var stored = family.StoredParameters(model).ToDictionary(parameter => parameter.Name);
        var changes = new Dictionary<string, (LoraWeight, Tensor)>();
        foreach (LoraWeight weight in adapter.Weights)
        {
            StoredParameter? target = stored.GetValueOrDefault(weight.Target);
            LoraAdapter.RequireInModel(folder, weight.Target, [weight.B.size(0), weight.A.size(1)], target?.Shape);
            var rows = new OrderedDictionary<string, List<Tensor>>();
            long row = 0;
            foreach (RowBlock block in target!.Blocks)
            {
                rows.TryAdd(block.Canonical, []);
                rows[block.Canonical].Add(weight.B.narrow(0, row, block.Rows));
                row += block.Rows;
            }
            foreach ((string canonical, List<Tensor> blocks) in rows)
            {
                changes[canonical] = (weight, cat(blocks));
            }
        }
        return changes;
    }

    /// <summary>
    /// The alpha of the file. llama.cpp scales B A by it over the rank of that B, so it is the scale times the rank that most weights have.
    /// The others' B is multiplied by what is left.
    /// </summary>
    private static float Alpha(IEnumerable<LoraWeight> weights) => weights.Select(AlphaOf)
        .Where(alpha => alpha != 0 && float.IsFinite(alpha)) // 0 means a scale of 1 to llama.cpp
        .GroupBy(alpha => alpha).MaxBy(group => group.Count())?.Key ?? 1;

    private static float AlphaOf(LoraWeight weight) => (float)(weight.Scale * weight.A.size(0));

    /// <summary>A and B of a tensor in the base model's file.</summary>
    private static IEnumerable<OutputTensor> Factors(StoredParameter stored, Dictionary<string, (LoraWeight Weight, Tensor B)> changes,
        float alpha)
    {
        // llama.cpp fuses no tensors that the families do not: they have one LoRA weight
        LoraWeight weight = stored.Blocks.Select(block => changes[block.Canonical].Weight).DistinctBy(one => one.Target).Single();
        double left = AlphaOf(weight) == alpha ? 1 : weight.Scale * weight.A.size(0) / alpha;
        IEnumerable<Tensor> rows = stored.Blocks.Select(block => changes[block.Canonical].B.narrow(0, block.FirstRow, block.Rows));
        if (stored.Blocks[0].Canonical == ModelFamily.EmbeddingName)
        {
            // llama.cpp looks up a row of lora_a and multiplies it by lora_b: the columns' factor is there, as columns
            Tensor columns = weight.A.t();
            return
            [
                Whole(stored.Name + A, weight.B.shape, () => rows.Single()),
                Whole(stored.Name + B, columns.shape, () => Times(columns, left)),
            ];
        }
        return
        [
            Whole(stored.Name + A, weight.A.shape, () => weight.A.alias()),
            new(stored.Name + B, [stored.Shape[0], weight.A.size(0)], rows.Select(part => Times(part, left)), weight.B.dtype)
            {
                Blocks = stored.Blocks,
            },
        ];
    }

    /// <summary>A tensor whose rows stay in their order.</summary>
    /// <param name="make">makes the values, which whoever enumerates the parts disposes</param>
    private static OutputTensor Whole(string name, long[] shape, Func<Tensor> make) =>
        new(name, shape, new[] { make }.Select(one => one()), ScalarType.Float32) { Blocks = [new(name, 0, shape[0])] };

    /// <summary>In float64, so that values round once.</summary>
    private static Tensor Times(Tensor part, double factor)
    {
        if (factor == 1)
        {
            return part.alias();
        }
        using Tensor wide = part.to(ScalarType.Float64);
        return wide.mul(factor);
    }
}
