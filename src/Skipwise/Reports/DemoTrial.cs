namespace Skipwise.Reports;

/// <summary>One passkey trial: a line of <c>passkey-trials.jsonl</c>.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">prompt length in tokens</param>
/// <param name="Depth">depth of the key: 0 the start of the filler, 1 its end</param>
/// <param name="Key">the hidden key</param>
/// <param name="Answer">the model's answer</param>
/// <param name="Correct">whether the answer is the key</param>
internal sealed record DemoTrial(string Variant, int Length, double Depth, string Key, string Answer, bool Correct);
