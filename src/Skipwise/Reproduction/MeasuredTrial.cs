namespace Skipwise.Reproduction;

/// <summary>One passkey trial.</summary>
/// <param name="Depth">of the key: 0 the beginning of the filler text, 1 its end</param>
/// <param name="Key">the number that was hidden</param>
/// <param name="Answer">the text that the model wrote</param>
/// <param name="Correct">whether its first number is the key</param>
internal sealed record MeasuredTrial(double Depth, int Key, string Answer, bool Correct);
