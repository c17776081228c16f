using System.Globalization;
using Skipwise.Evaluation;
using Skipwise.Recipes;
using Skipwise.TokenStores;
using Skipwise.Training;

namespace Skipwise.Cli.Display;

/// <summary>One line on where the work stands. What matters most comes first: a narrow terminal cuts the end.</summary>
internal static class StatusText
{
    /// <summary>tokens of a prompt whose reading is shown</summary>
    public const int LongPrompt = 2048;

    /// <param name="left">time left of this training</param>
    /// <param name="all">time left of the whole command; shown if that is more</param>
    public static string Of(StepMetrics metrics, int steps, TimeSpan? left, TimeSpan? all = null) =>
        string.Create(CultureInfo.InvariantCulture,
            $"step {metrics.Step.ToString(CultureInfo.InvariantCulture).PadLeft(Digits(steps))}/{steps}  " +
            $"loss {metrics.Loss:0.000}{Left(left)}{All(left, all)}  {metrics.TokensPerSecond:0} tok/s  lr {metrics.LearningRate:0.0e-0}");

    /// <param name="left">time left of this evaluation</param>
    /// <param name="all">time left of the whole command; shown if that is more</param>
    public static string Of(EvaluationProgress progress, TimeSpan? left, TimeSpan? all = null) =>
        Invariant($"{progress.Task} at {progress.Length} tokens  {100.0 * progress.Done / Math.Max(1, progress.Total):0} %")
        + Left(left) + All(left, all);

    public static string Of(TokenizationProgress progress) =>
        Invariant($"{progress.Documents} documents  {progress.Tokens} tokens  {progress.Bytes / 1e6:0.0} MB");

    /// <param name="left">time left of the whole download</param>
    public static string Of(PullProgress progress, TimeSpan? left) =>
        Invariant($"{progress.Done / 1e9:0.00} of {progress.Total / 1e9:0.00} GB  {progress.BytesPerSecond / 1e6:0.0} MB/s") + Left(left);

    /// <param name="left">time left of reading the prompt</param>
    public static string OfPrompt(int done, int tokens, TimeSpan? left) =>
        Invariant($"prompt  {done} of {tokens} tokens  {100.0 * done / tokens:0} %") + Left(left);

    /// <summary>What is told of a text that was generated.</summary>
    /// <param name="peakBytes">of the process</param>
    public static string Of(GeneratedTextMeasures measures, long peakBytes) =>
        Invariant($"prompt {measures.PromptTokens} tokens")
        + (measures.CachedTokens > 0 ? Invariant($" ({measures.CachedTokens} read before)") : "")
        + Invariant($", {measures.PromptTokensPerSecond:0.0} tok/s; first token after {measures.SecondsToFirstToken:0.00} s; ")
        + Invariant($"{measures.NewTokens} new token{(measures.NewTokens == 1 ? "" : "s")}")
        + (measures.TokensPerSecond is { } pace ? Invariant($", {pace:0.0} tok/s") : "")
        + Invariant($"; peak memory {peakBytes / 1e9:0.00} GB");

    private static string Left(TimeSpan? left) => left is { } time && time > TimeSpan.Zero ? $"  {RemainingTime.Text(time)} left" : "";

    private static string All(TimeSpan? left, TimeSpan? all) =>
        all is { TotalSeconds: >= 1 } whole && whole > left ? $", {RemainingTime.Text(whole)} for everything" : "";

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
