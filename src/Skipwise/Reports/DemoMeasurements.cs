namespace Skipwise.Reports;

/// <summary>Perplexity of one variant at one window.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">the window, tokens</param>
/// <param name="Value">exp of the mean negative log-likelihood per token</param>
/// <param name="StandardError">of <paramref name="Value"/>, over documents; NaN when there is one document only</param>
/// <param name="Documents">how many documents were scored</param>
public sealed record PerplexityPoint(string Variant, int Length, double Value, double StandardError, int Documents);

/// <summary>Passkey retrieval of one variant at one prompt length.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">the prompt, tokens</param>
/// <param name="Accuracy">share of trials with every digit right, 0..1</param>
/// <param name="Trials">how many</param>
public sealed record PasskeyPoint(string Variant, int Length, double Accuracy, int Trials)
{
    /// <summary>trials with every digit right</summary>
    public int? Correct { get; init; }
    /// <summary>lower end of the 95 % interval of <see cref="Accuracy"/></summary>
    public double? IntervalLow { get; init; }
    /// <summary>upper end of the 95 % interval of <see cref="Accuracy"/></summary>
    public double? IntervalHigh { get; init; }
}

/// <summary>One passkey trial: a line of <c>passkey-trials.jsonl</c>.</summary>
/// <param name="Variant">one of <see cref="DemoVariant"/></param>
/// <param name="Length">the prompt, tokens</param>
/// <param name="Depth">where the key stood: 0 the start of the filler, 1 its end</param>
/// <param name="Key">the hidden key</param>
/// <param name="Answer">what the model wrote</param>
/// <param name="Correct">the answer is the key</param>
public sealed record PasskeyTrial(string Variant, int Length, double Depth, string Key, string Answer, bool Correct);

/// <summary>One optimizer step.</summary>
/// <param name="Step">from 1</param>
/// <param name="Loss">mean negative log-likelihood per token of the step's batch</param>
/// <param name="LearningRate">that the step used</param>
public sealed record TrainingPoint(int Step, double Loss, double LearningRate);

/// <summary>One promise of the demo, held against what was measured.</summary>
/// <param name="Name">what is promised: <c>PoSE passkey at 2048 tokens</c></param>
/// <param name="Required">the limit: <c>&gt;= 0.95</c></param>
/// <param name="Measured">the number</param>
/// <param name="Met">whether it holds; false when the number is NaN</param>
public sealed record DemoBar(string Name, string Required, double Measured, bool Met)
{
    public static DemoBar AtLeast(string name, double required, double measured) =>
        new(name, $">= {Format.Short(required)}", measured, measured >= required);

    public static DemoBar AtMost(string name, double required, double measured) =>
        new(name, $"<= {Format.Short(required)}", measured, measured <= required);
}

/// <summary>Tokens of one example whose position ids rise by one: a chunk, as the model sees it.</summary>
/// <param name="FirstPosition">position id of the first token</param>
/// <param name="Length">tokens</param>
public sealed record PositionRun(int FirstPosition, int Length)
{
    /// <summary>Splits an example's position ids where they skip; neighbours without a skip between them are one run.</summary>
    public static IReadOnlyList<PositionRun> Of(ReadOnlySpan<int> positionIds)
    {
        var runs = new List<PositionRun>();
        int start = 0;
        for (int i = 1; i <= positionIds.Length; i++)
        {
            if (i == positionIds.Length || positionIds[i] != positionIds[i - 1] + 1)
            {
                runs.Add(new PositionRun(positionIds[start], i - start));
                start = i;
            }
        }
        return runs;
    }
}
