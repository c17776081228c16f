using System.Text.RegularExpressions;

namespace Skipwise.Checkpoints.Peft;

/// <summary>The role of an adapter's tensor for its weight.</summary>
internal enum LoraPart
{
    /// <summary>A [r, in] of a linear layer</summary>
    A,
    /// <summary>B [out, r] of a linear layer</summary>
    B,
    /// <summary>A [r, V] of an embedding</summary>
    EmbeddingA,
    /// <summary>B [C, r] of an embedding</summary>
    EmbeddingB,
    /// <summary>replaces the weight in its own module (modules_to_save); in a tied model, not in the other module</summary>
    Module,
    /// <summary>replaces the base model's weight wherever the model uses it</summary>
    Base,
    /// <summary>the original weight of a replaced module, which is not read</summary>
    Unused,
}

/// <summary>A parsed tensor name of PEFT's layout.</summary>
/// <param name="Target">name of the target weight, as in the base model's checkpoint</param>
internal readonly partial record struct LoraName(string Target, LoraPart Part)
{
    public const string Prefix = "base_model.model.", A = ".lora_A.weight", B = ".lora_B.weight";
    private const string Weight = ".weight", Bias = ".bias";

    private static readonly (string Ending, LoraPart Part)[] s_endings =
        [(A, LoraPart.A), (B, LoraPart.B), (".lora_embedding_A", LoraPart.EmbeddingA), (".lora_embedding_B", LoraPart.EmbeddingB)];

    public bool IsFactor => Part is LoraPart.A or LoraPart.B or LoraPart.EmbeddingA or LoraPart.EmbeddingB;

    /// <summary>The name of a factor in the file.</summary>
    public static string OfFactor(string module, LoraPart part) => Prefix + module + s_endings.First(factor => factor.Part == part).Ending;

    /// <summary>Parses a name.</summary>
    /// <param name="name">without <see cref="Prefix"/></param>
    /// <param name="modulesToSave">suffixes of the names of fully trained modules</param>
    /// <returns>null if it is no part of plain LoRA</returns>
    public static LoraName? Parse(string name, IReadOnlyList<string> modulesToSave)
    {
        string plain = AdapterName().Replace(name, ".$1"); // in a model's state dict: q_proj.lora_A.default.weight
        foreach ((string ending, LoraPart part) in s_endings)
        {
            if (plain.Length > ending.Length && plain.EndsWith(ending, StringComparison.Ordinal))
            {
                return new(plain[..^ending.Length] + Weight, part);
            }
        }
        if (plain.Contains("lora_", StringComparison.Ordinal)
            || !(plain.EndsWith(Weight, StringComparison.Ordinal) || plain.EndsWith(Bias, StringComparison.Ordinal)))
        {
            return null;
        }
        const string replacement = ".modules_to_save.", original = ".original_module.", wrapped = ".base_layer.";
        if (plain.Contains(original, StringComparison.Ordinal))
        {
            return new(plain.Replace(original, ".", StringComparison.Ordinal), LoraPart.Unused);
        }
        string target = plain.Replace(replacement, ".", StringComparison.Ordinal).Replace(wrapped, ".", StringComparison.Ordinal);
        bool isModule = plain.Contains(replacement, StringComparison.Ordinal)
            || (target == plain && modulesToSave.Any(ending => LoraWeight.ModuleOf(target).EndsWith(ending, StringComparison.Ordinal)));
        return new(target, isModule ? LoraPart.Module : LoraPart.Base);
    }

    [GeneratedRegex(@"\.(lora_A|lora_B|lora_embedding_A|lora_embedding_B|modules_to_save)\.default(?=\.|$)")]
    private static partial Regex AdapterName();
}
