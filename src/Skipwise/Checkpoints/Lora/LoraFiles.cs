using System.Text.RegularExpressions;
using Skipwise.Checkpoints.Torch;
using Skipwise.Storage;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Checkpoints.Lora;

/// <summary>PEFT's layout on the disk: every tensor is called base_model.model.NAME, an update's two factors NAME.lora_A.weight and NAME.lora_B.weight.</summary>
internal static class LoraFiles
{
    private const string SafetensorsName = "adapter_model.safetensors", TorchName = "adapter_model.bin";
    private const string Prefix = "base_model.model.", A = ".lora_A.weight", B = ".lora_B.weight", Weight = ".weight", Replacement = ".modules_to_save";

    public static LoraAdapter Read(string folder)
    {
        if (!Directory.Exists(folder))
        {
            throw new SkipwiseException($"{folder}: there is no such folder. An adapter is a folder with {LoraConfig.FileName} and {SafetensorsName}");
        }
        LoraConfig config = LoraConfig.Read(Path.Combine(folder, LoraConfig.FileName));
        string safetensors = Path.Combine(folder, SafetensorsName), torch = Path.Combine(folder, TorchName);
        using TensorFile file = File.Exists(safetensors) ? SafetensorsFile.Open(safetensors)
            : File.Exists(torch) ? TorchFile.Open(torch)
            : throw new SkipwiseException($"{folder}: has neither {SafetensorsName} nor {TorchName}");
        (string Name, TensorEntry Entry)[] entries = [.. file.Tensors.Values.Select(entry => (NameOf(file, entry), entry))];
        TensorEntry? Entry(string name) => Array.Find(entries, e => e.Name == name).Entry;
        string[] modules = [.. entries.Where(e => IsFactor(e.Name)).Select(e => e.Name[..^A.Length]).Distinct()];
        try
        {
            foreach (string module in modules)
            {
                CheckFactors(file, config, module, Entry(module + A), Entry(module + B), config.ScaleOf(module));
            }
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new SkipwiseException($"{Path.Combine(folder, LoraConfig.FileName)}: a name in rank_pattern or alpha_pattern takes too long to match {e.Input}. Write out the modules' names", e);
        }
        using var scope = NewDisposeScope();
        return new LoraAdapter(
            config,
            [.. modules.Select(module => new LoraWeight(module + Weight, Owned(file, Entry(module + A)!), Owned(file, Entry(module + B)!), config.ScaleOf(module)))],
            [.. entries.Where(e => !IsFactor(e.Name)).Select(e => (e.Name, Owned(file, e.Entry)))]);
    }

    public static void Write(LoraAdapter adapter, string folder) => AtomicFolder.Write(folder, inner => WriteInto(adapter, inner));

    /// <summary>Writes the adapter's files into a folder that exists.</summary>
    public static void WriteInto(LoraAdapter adapter, string folder)
    {
        IEnumerable<(string Name, Tensor Value)> tensors =
        [
            .. adapter.Weights.SelectMany(w => new[] { (w.Module + A, w.A), (w.Module + B, w.B) }),
            .. adapter.Whole,
        ];
        SafetensorsWriter.Write(Path.Combine(folder, SafetensorsName), tensors.Select(t => (Prefix + t.Name, t.Value, t.Value.dtype)));
        AtomicFile.WriteText(Path.Combine(folder, LoraConfig.FileName), adapter.Config.Text());
    }

    /// <summary>The name inside the base model; an error for the tensors of methods that are more than LoRA on linear layers.</summary>
    private static string NameOf(TensorFile file, TensorEntry entry)
    {
        if (!entry.Name.StartsWith(Prefix, StringComparison.Ordinal))
        {
            throw Wrong(file, entry.Name, $"expected a name that begins with {Prefix}");
        }
        string name = entry.Name[Prefix.Length..].Replace(Replacement + ".", ".", StringComparison.Ordinal);
        bool isKnown = IsFactor(name) || (!name.Contains("lora_", StringComparison.Ordinal) && (name.EndsWith(Weight, StringComparison.Ordinal) || name.EndsWith(".bias", StringComparison.Ordinal)));
        return !isKnown ? throw Wrong(file, entry.Name, "is no part of plain LoRA on linear layers. Merge the adapter with PEFT (merge_and_unload) and use the merged model")
            : entry.Type.IsFloat ? name
            : throw Wrong(file, entry.Name, $"expected F64, F32, F16 or BF16, found {entry.Type}");
    }

    private static bool IsFactor(string name) =>
        name.Length > A.Length && (name.EndsWith(A, StringComparison.Ordinal) || name.EndsWith(B, StringComparison.Ordinal));

    private static void CheckFactors(TensorFile file, LoraConfig config, string module, TensorEntry? a, TensorEntry? b, double scale)
    {
        if (!double.IsFinite(scale))
        {
            throw Wrong(file, Prefix + module + A, $"is scaled by {scale} according to {LoraConfig.FileName}");
        }
        if (a is null || b is null)
        {
            throw Wrong(file, Prefix + module + (a is null ? A : B), "missing: an update has two factors");
        }
        if (a.Shape.Count != 2 || b.Shape.Count != 2 || a.Shape[0] != b.Shape[1] || a.Shape.Contains(0) || b.Shape.Contains(0))
        {
            throw Wrong(file, a.Name, $"expected A [r, in] and B [out, r], found {TensorEntry.Describe(a.Shape)} and {TensorEntry.Describe(b.Shape)}");
        }
        if (config.RankOf(module) != a.Shape[0])
        {
            throw Wrong(file, a.Name, $"has rank {a.Shape[0]}, but {LoraConfig.FileName} gives it {config.RankOf(module)}");
        }
    }

    private static Tensor Owned(TensorFile file, TensorEntry entry) => file.Read(entry).DetachFromDisposeScope();

    private static SkipwiseException Wrong(TensorFile file, string tensor, string what) => new($"{file.Path}: tensor {tensor}: {what}");
}
