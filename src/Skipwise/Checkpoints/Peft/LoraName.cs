using System.Text.RegularExpressions;

namespace Skipwise.Checkpoints.Peft;

/// <summary>What a tensor of an adapter is to its weight.</summary>
internal enum LoraPart
{
    /// <summary>A [r, in] of an update of a linear layer</summary>
    A,
    /// <summary>B [out, r] of it</summary>
    B,
    /// <summary>A [r, V] of an update of an embedding</summary>
    EmbeddingA,
    /// <summary>B [C, r] of it</summary>
    EmbeddingB,
    /// <summary>takes the weight's place in its own module (modules_to_save): in a tied model, not in the other one</summary>
    Module,
    /// <summary>takes the place of the base model's weight, wherever the model uses it</summary>
    Base,
    /// <summary>the original of a module that is replaced; nobody reads it</summary>
    Unused,
}

/// <summary>A tensor's name in PEFT's layout, taken apart.</summary>
/// <param name="Target">name of the weight that it changes, as in the base model's checkpoint</param>
internal readonly partial record struct LoraName(string Target, LoraPart Part)
{
    public const string Prefix = "base_model.model.", A = ".lora_A.weight", B = ".lora_B.weight";
    private const string Weight = ".weight", Bias = ".bias";

    private static readonly (string Ending, LoraPart Part)[] s_endings =
        [(A, LoraPart.A), (B, LoraPart.B), (".lora_embedding_A", LoraPart.EmbeddingA), (".lora_embedding_B", LoraPart.EmbeddingB)];

    public bool IsFactor => Part is LoraPart.A or LoraPart.B or LoraPart.EmbeddingA or LoraPart.EmbeddingB;

    /// <summary>The name that a factor has in the file; no other part has one.</summary>
    public static string OfFactor(string module, LoraPart part) => Prefix + module + s_endings.First(factor => factor.Part == part).Ending;

    /// <param name="name">without <see cref="Prefix"/></param>
    /// <param name="modulesToSave">endings of the names of modules that the adapter replaces</param>
    /// <returns>null if it is no part of plain LoRA</returns>
    public static LoraName? Parse(string name, IReadOnlyList<string> modulesToSave)
    {
        string plain = AdapterName().Replace(name, ".$1"); // of a model's own state: q_proj.lora_A.default.weight
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
