using System.Globalization;
using System.Text.RegularExpressions;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.Formats.Torch;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Hub;
using Skipwise.Models;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Peft;

/// <summary>
/// PEFT's layout on disk: every tensor is named base_model.model.NAME, the factors A and B of a LoRA weight NAME.lora_A.weight and
/// NAME.lora_B.weight (<see cref="LoraName"/>). LongLoRA stores the embedding and the norms that it trained next to them, under the base
/// model's names.
/// </summary>
internal static class AdapterFiles
{
    /// <summary>what LongLoRA stores beside an adapter</summary>
    public const string LongLoraName = "trainable_params.bin";

    private const string SafetensorsName = "adapter_model.safetensors", TorchName = "adapter_model.bin";

    /// <summary>Names of an adapter's weights, of which the first that exists is read.</summary>
    public static IReadOnlyList<string> WeightNames { get; } = [SafetensorsName, TorchName];

    public static LoraAdapter Read(string folder)
    {
        folder = ModelFolder.Resolve(folder);
        if (!Directory.Exists(folder))
        {
            throw new SkipwiseException(
                $"{folder}: there is no such folder. An adapter is a folder with {LoraConfig.FileName} and {SafetensorsName}");
        }
        LoraConfig config = LoraConfig.Read(Path.Combine(folder, LoraConfig.FileName));
        string safetensors = Path.Combine(folder, SafetensorsName), torch = Path.Combine(folder, TorchName),
            longLora = Path.Combine(folder, LongLoraName);
        using TensorFile file = File.Exists(safetensors) ? SafetensorsFile.Open(safetensors)
            : File.Exists(torch) ? TorchFile.Open(torch)
            : throw new SkipwiseException($"{folder}: has neither {SafetensorsName} nor {TorchName}");
        using TorchFile? besides = File.Exists(longLora) ? TorchFile.Open(longLora) : null;
        OrderedDictionary<LoraName, TensorEntry> entries = Named(file, config);
        string[] targets = [.. entries.Keys.Where(name => name.IsFactor).Select(name => name.Target).Distinct()];
        using var scope = NewDisposeScope();
        LoraWeight[] weights;
        try
        {
            weights = [.. targets.Select(target => Update(file, config, target, part => entries.GetValueOrDefault(new(target, part))))];
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new SkipwiseException(
                $"{Path.Combine(folder, LoraConfig.FileName)}: a name in rank_pattern or alpha_pattern takes too long to match " +
                $"{e.Input}. Write out the modules' names", e);
        }
        (string Name, Tensor Value)[] Replacements(LoraPart part) =>
            [.. entries.Where(e => e.Key.Part == part).Select(e => (e.Key.Target, Owned(file, e.Value)))];
        return new LoraAdapter(config, weights, Replacements(LoraPart.Module))
        {
            Base = [.. LongLora(besides), .. Replacements(LoraPart.Base)],
            Warnings = [.. Warnings(folder, config, entries.Keys, besides is null ? [file.Path] : [file.Path, longLora])],
        };
    }

    public static void Write(LoraAdapter adapter, string folder) =>
        AtomicFolder.Write(folder, "adapter", inner => WriteInto(adapter, inner));

    /// <summary>Writes the adapter's files into an existing folder.</summary>
    public static void WriteInto(LoraAdapter adapter, string folder)
    {
        new SafetensorsFolder(folder) { FileName = SafetensorsName }.Write(Tensors(adapter));
        AtomicFile.WriteText(Path.Combine(folder, LoraConfig.FileName), adapter.Config.Text());
    }

    /// <summary>The tensors of an adapter under PEFT's names, in their own types: A and B of each weight, then the whole ones.</summary>
    public static IReadOnlyList<OutputTensor> Tensors(LoraAdapter adapter)
    {
        IEnumerable<(string Name, Tensor Value)> tensors =
        [
            .. adapter.Weights.SelectMany(w => new[] { (w.Module + LoraName.A, w.A), (w.Module + LoraName.B, w.B) }),
            .. adapter.FullWeights,
        ];
        return [.. tensors.Select(t => new OutputTensor(LoraName.Prefix + t.Name, t.Value.shape, [t.Value], t.Value.dtype))];
    }

    /// <summary>The tensors by their parsed names; an error for tensors of methods other than LoRA.</summary>
    private static OrderedDictionary<LoraName, TensorEntry> Named(TensorFile file, LoraConfig config)
    {
        var named = new OrderedDictionary<LoraName, TensorEntry>();
        foreach (TensorEntry entry in file.Tensors.Values)
        {
            LoraName name = NameOf(file, entry, config);
            if (name.Part != LoraPart.Unused && !named.TryAdd(name, entry) && !AreEqual(file, named[name], entry))
            {
                throw Wrong(file, entry.Name, $"changes {name.Target} as {named[name].Name} does, and differs from it. " +
                    "Leave one of them in the file");
            }
        }
        return named;
    }

    private static LoraName NameOf(TensorFile file, TensorEntry entry, LoraConfig config)
    {
        if (!entry.Name.StartsWith(LoraName.Prefix, StringComparison.Ordinal))
        {
            throw Wrong(file, entry.Name, $"expected a name that begins with {LoraName.Prefix}");
        }
        return LoraName.Parse(entry.Name[LoraName.Prefix.Length..], config.ModulesToSave) is not { } name
            ? throw Wrong(file, entry.Name, "is no part of plain LoRA. Merge the adapter with PEFT (merge_and_unload) and use the " +
                "merged model")
            : entry.Type.IsFloat ? name
            : throw Wrong(file, entry.Name, $"expected F64, F32, F16 or BF16, found {entry.Type}");
    }

    private static bool AreEqual(TensorFile file, TensorEntry one, TensorEntry other)
    {
        using var scope = NewDisposeScope();
        return one.Shape.SequenceEqual(other.Shape) && file.Read(one).Equals(file.Read(other));
    }

    /// <summary>The LoRA weight of one target. That of an embedding [V, C] is (B A)^T: its factors are swapped.</summary>
    private static LoraWeight Update(TensorFile file, LoraConfig config, string target, Func<LoraPart, TensorEntry?> part)
    {
        string module = LoraWeight.ModuleOf(target);
        double scale = config.ScaleOf(module);
        bool isEmbedding = part(LoraPart.EmbeddingA) is not null || part(LoraPart.EmbeddingB) is not null;
        (LoraPart ofA, LoraPart ofB) = isEmbedding ? (LoraPart.EmbeddingA, LoraPart.EmbeddingB) : (LoraPart.A, LoraPart.B);
        (TensorEntry? a, TensorEntry? b) = (part(ofA), part(ofB));
        if (a is null || b is null)
        {
            throw Wrong(file, LoraName.OfFactor(module, a is null ? ofA : ofB), "missing: a LoRA adapter has two matrices, A and B");
        }
        if (isEmbedding && (part(LoraPart.A) ?? part(LoraPart.B)) is { } linear)
        {
            throw Wrong(file, linear.Name, $"is the adapter of a linear layer, but {a.Name} is that of an embedding");
        }
        if (!double.IsFinite(scale))
        {
            throw Wrong(file, a.Name, FormattableString.Invariant($"is scaled by {scale} according to {LoraConfig.FileName}"));
        }
        if (a.Shape.Count != 2 || b.Shape.Count != 2 || a.Shape[0] != b.Shape[1] || a.Shape.Contains(0) || b.Shape.Contains(0))
        {
            throw Wrong(file, a.Name,
                $"expected A [r, in] and B [out, r], found {TensorEntry.Describe(a.Shape)} and {TensorEntry.Describe(b.Shape)}");
        }
        if (config.RankOf(module) != a.Shape[0])
        {
            string expected = config.RankOf(module).ToString(CultureInfo.InvariantCulture);
            throw Wrong(file, a.Name, $"has rank {a.Shape[0]}, but {LoraConfig.FileName} gives it {expected}");
        }
        return isEmbedding
            ? new LoraWeight(target, Transposed(file, b), Transposed(file, a), scale)
            : new LoraWeight(target, Owned(file, a), Owned(file, b), scale);
    }

    private static IEnumerable<(string Name, Tensor Value)> LongLora(TorchFile? file) => file is null ? [] :
        file.Tensors.Values.Where(entry => !ModelFamily.Ignores(entry.Name)).Select(entry => (
            entry.Name.StartsWith(LoraName.Prefix, StringComparison.Ordinal) ? entry.Name[LoraName.Prefix.Length..] : entry.Name,
            entry.Type.IsFloat ? Owned(file, entry)
                : throw Wrong(file, entry.Name, $"expected F64, F32, F16 or BF16, found {entry.Type}")));

    private static IEnumerable<string> Warnings(string folder, LoraConfig config, IReadOnlyCollection<LoraName> names,
        IReadOnlyList<string> read)
    {
        string[] replaced = [.. names.Where(name => name.Part == LoraPart.Module).Select(name => LoraWeight.ModuleOf(name.Target))];
        string[] absent = [.. config.ModulesToSave.Where(ending =>
            !replaced.Any(module => module.EndsWith(ending, StringComparison.Ordinal)))];
        if (absent.Length > 0)
        {
            yield return $"{folder}: modules_to_save names {string.Join(", ", absent)}, of which the adapter holds no weight: " +
                "the base model's are used";
        }
        if (config.TrainsBiases && !names.Any(name => name.Target.EndsWith(".bias", StringComparison.Ordinal)))
        {
            yield return $"{folder}: {LoraConfig.FileName} says that biases were trained, but the adapter holds none (PEFT leaves " +
                $"those of bias=\"lora_only\" out): the base model's are used";
        }
        foreach (string unread in UnreadWeights.Warnings(folder, read))
        {
            yield return unread;
        }
    }

    private static Tensor Owned(TensorFile file, TensorEntry entry)
    {
        Tensor values = file.Read(entry);
        double largest = FiniteCheck.MaxAbs(values);
        return double.IsFinite(largest) ? values.DetachFromDisposeScope()
            : throw Wrong(file, entry.Name, $"{FiniteCheck.NonFiniteMessage(largest)}: the adapter is damaged or its training diverged");
    }

    private static Tensor Transposed(TensorFile file, TensorEntry entry)
    {
        using Tensor values = Owned(file, entry);
        return values.t().contiguous().DetachFromDisposeScope();
    }

    private static SkipwiseException Wrong(TensorFile file, string tensor, string what) => new($"{file.Path}: tensor {tensor}: {what}");
}
