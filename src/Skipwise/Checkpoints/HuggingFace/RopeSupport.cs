using Skipwise.Rope;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>The form of a scaling in a config.json, as far as releases of transformers differ in its support.</summary>
internal enum RopeForm
{
    /// <summary>rope_theta alone: no scaling, or NTK</summary>
    Base,
    /// <summary>linear, dynamic, llama3, or longrope with one list for all lengths</summary>
    Scaled,
    Yarn,
    /// <summary>longrope with different lists for short and long texts</summary>
    TwoLists,
}

/// <summary>
/// The first release of transformers 4 that computes a form of rope correctly for a family. Tested with small random models, 32 -> 256
/// tokens, logits at positions up to 255, on twelve commits of the main branch from 4.43 to 4.52, and on 5.0 and 5.5: the largest
/// difference is 3e-5 if correct, 2 to 8 if not.
/// </summary>
internal static class RopeSupport
{
    private static readonly Version s_any = new(4, 33); // the first with rope_theta

    /// <summary>The first release of transformers 4 that computes the form for the family; null if none does.</summary>
    public static Version? Since(string modelType, RopeForm form) => (modelType, form) switch
    {
        ("gptj" or "baichuan", not RopeForm.Base) => null, // built in; TransformersRope refuses other bases too
        ("qwen3", RopeForm.TwoLists) => new(4, 52),
        ("qwen3", _) => new(4, 51), // the family's first
        (_, RopeForm.Base) => s_any,
        ("phi3", _) => new(4, 43), // longrope with its three keys; all else is refused
        (_, RopeForm.Yarn) => new(4, 51), // before 28 March 2025 the ramp was taken from the extended window
        (_, RopeForm.TwoLists) => new(4, 52), // before, the short list was used for every length
        ("llama", _) => new(4, 44),
        ("qwen2", _) => new(4, 45), // silently ignored before
        ("gpt_neox", _) => new(4, 45), // refused before
        ("mistral" or "gemma", _) => new(4, 48), // silently ignored before
        _ => null,
    };

    /// <summary>The form of a scaling.</summary>
    /// <param name="written">as written in the config.json, see <see cref="RopeConfigWriter.Portable"/></param>
    public static RopeForm FormOf(RopeOptions written) => written.Type switch
    {
        RopeType.Default => RopeForm.Base,
        RopeType.Yarn => RopeForm.Yarn,
        RopeType.LongRope when !written.ShortFactor!.SequenceEqual(written.LongFactor!) => RopeForm.TwoLists,
        _ => RopeForm.Scaled,
    };

    public static bool IsAny(Version version) => version == s_any;
}
