namespace Skipwise.Reports;

/// <summary>One passkey trial: a line of <c>passkey-trials.jsonl</c>.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">the prompt, tokens</param>
/// <param name="Depth">where the key stood: 0 the start of the filler, 1 its end</param>
/// <param name="Key">the hidden key</param>
/// <param name="Answer">what the model wrote</param>
/// <param name="Correct">the answer is the key</param>
public sealed record PasskeyTrial(string Variant, int Length, double Depth, string Key, string Answer, bool Correct);
