namespace Skipwise.Reproduction;

/// <summary>A raw line: one passkey trial.</summary>
/// <param name="Variant">name of the variant</param>
/// <param name="Model">its key in the cache</param>
/// <param name="Seed">null: not trained</param>
/// <param name="Length">of prompt and answer, in tokens</param>
/// <param name="Depth">of the key, 0..1</param>
/// <param name="MaxDepth">largest depth of the keys of these prompts, if it is below 1</param>
/// <param name="Key">the number that was hidden</param>
/// <param name="Answer">what the model wrote</param>
/// <param name="Correct">whether its first number is the key</param>
internal sealed record RawTrial(
    string Variant, string Model, ulong? Seed, int Length, double Depth, double? MaxDepth, int Key, string Answer, bool Correct);
