using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>A comparison's outcome in sentences. Each is derived from the values; differences within the error bars are stated as
/// such.</summary>
internal static class ComparisonSummary
{
    /// <summary>The sentences. The lead has the effective lengths, the highest cost at the original window, and the gates or the
    /// benchmarks. Sentences whose values are missing are omitted.</summary>
    /// <param name="comparison">what is summarized</param>
    /// <param name="withReasons">state why something was not evaluated; a report has a table for it</param>
    public static ReportSummary Of(Comparison comparison, bool withReasons = true)
    {
        IReadOnlyList<ComparedModel> others = [.. comparison.Models.Skip(1)];
        string[] lead = [.. Lead(comparison, others).OfType<string>().Take(3)];
        string[] all =
        [
            Setting(comparison),
            .. comparison.Models.Select(model => Effective(comparison, model)),
            .. others.SelectMany(model => new[] { ShortPerplexity(comparison, model), Benchmarks(comparison, model) }).OfType<string>(),
            .. Cautions(comparison, withReasons),
        ];
        // A sentence of the lead may be one of these, with more at its end.
        return new(lead, [.. all.Where(sentence => !lead.Any(first => first.StartsWith(sentence[..^1], StringComparison.Ordinal)))]);
    }

    private static string?[] Lead(Comparison c, IReadOnlyList<ComparedModel> others) => others.Count == 0
        ? [Setting(c), Effective(c, c.Reference), Verdict(c)]
        : [EffectiveLengths(c), HighestCost(c, others), Verdict(c), others.Count == 1 ? Benchmarks(c, others[0]) : null];

    private static string EffectiveLengths(Comparison c)
    {
        if (c.Models.All(model => c.EffectiveLength(model) is null))
        {
            return "No retrieval was measured, so no effective length is stated: perplexity alone does not show that a window is used.";
        }
        string[] each = [.. c.Models.Select(model => c.EffectiveLength(model) switch
        {
            null => $"not known for {model.Name}, of which no retrieval was measured",
            { Tokens: 0 } none => $"none of those measured for {model.Name}{WithinErrors(none)}",
            { } length => $"{length.Tokens} tokens{(length.Limit is null ? " (the longest measured)" : "")} for {model.Name}" +
                WithinErrors(length),
        })];
        return $"The effective length is {string.Join(", ", each[..^1])} and {each[^1]}.";
    }

    private static string WithinErrors(EffectiveLength length) =>
        length.Low == length.High ? "" : $" (within the errors {Words(length.Low)} to {Words(length.High)})";

    /// <summary>The perplexity of the model that pays most at the original window; null if none was compared.</summary>
    private static string? HighestCost(Comparison c, IReadOnlyList<ComparedModel> others)
    {
        (ComparedModel Model, double Increase)[] costs =
            [.. others.Select(model => (model, c.ShortPerplexity(model)?.Increase.Value)).Where(cost => cost.Value is not null)
                .Select(cost => (cost.model, cost.Value!.Value))];
        if (costs.Length == 0)
        {
            return null;
        }
        // A perplexity that is no number is the worst there is.
        ComparedModel worst = costs.MaxBy(cost => double.IsNaN(cost.Increase) ? double.PositiveInfinity : cost.Increase).Model;
        return ShortPerplexity(c, worst) is { } sentence && costs.Length > 1
            ? $"{sentence[..^1]}; of {costs.Length} models its change is the highest."
            : ShortPerplexity(c, worst);
    }

    private static string? Verdict(Comparison c)
    {
        IReadOnlyList<GateResult> gates = Gates.Judge(c);
        int failed = gates.Count(gate => !gate.Passed);
        return gates.Count == 0 ? null
            : failed == 0 ? gates.Count == 1 ? "The gate is passed." : $"All {gates.Count} gates are passed."
            : gates.Count == 1 ? "The gate is not passed."
            : $"{failed} of {gates.Count} gates {(failed == 1 ? "is" : "are")} not passed.";
    }

    private static string Setting(Comparison c) => c.Models.Count == 1
        ? $"{c.Reference.Name} is meant for {c.Reference.Window} " +
            $"tokens{(c.Reference.Window == c.OriginalWindow ? "" : $", its base model for {c.OriginalWindow}")}."
        : $"{string.Join(", ", c.Models.Skip(1).Select(model => model.Name))} against {c.Reference.Name}, whose original window is " +
            $"{c.OriginalWindow} tokens.";

    private static string Effective(Comparison c, ComparedModel model)
    {
        if (c.EffectiveLength(model) is not { } length)
        {
            return $"No retrieval was measured of {model.Name}, so no effective length is stated: perplexity alone does not show that a " +
                $"window is used.";
        }
        string between = WithinErrors(length);
        string end = length.Limit is { } limit ? $": {limit}" : $": it holds at every length measured, and none above {length.Longest} was";
        return length.Tokens == 0
            ? $"{model.Name} has no effective length among those measured{between}: {length.Limit}."
            : $"The effective length of {model.Name} is {length.Tokens} tokens{between}{end}.";
    }

    private static string Words(int tokens) => tokens == 0 ? "none" : $"{tokens}";

    private static string? ShortPerplexity(Comparison c, ComparedModel model)
    {
        if (c.ShortPerplexity(model) is not { } cost || c.TokenizersDiffer)
        {
            return null;
        }
        string change = NumberFormat.Change(cost.Increase, NumberFormat.Percent);
        string verdict = cost.Increase.StandardError is { } error && Math.Abs(cost.Increase.Value) <= 1.96 * error
            ? $"{change}, a difference within the errors"
            : change;
        return $"At {c.OriginalWindow} tokens the perplexity of {model.Name} is {NumberFormat.Perplexity(cost.Own.Value)} against " +
            $"{c.Reference.Name}'s {NumberFormat.Perplexity(cost.Reference.Value)}: {verdict}.";
    }

    private static string? Benchmarks(Comparison c, ComparedModel model)
    {
        // of accuracies, for which higher is better
        EvaluationRecord[] changes = [.. c.BenchmarkChanges(model).Where(change => change.Metric != "perplexity_change")];
        if (changes.Length == 0)
        {
            return null;
        }
        EvaluationRecord[] lost = [.. changes.Where(change => Differs(change) && change.Value < 0)],
            won = [.. changes.Where(change => Differs(change) && change.Value > 0)];
        string Names(EvaluationRecord[] some) =>
            string.Join(", ", some.Select(change => $"{change.Task} {NumberFormat.Change(change.Value)}"));
        int even = changes.Length - lost.Length - won.Length;
        return $"Of {changes.Length} benchmark numbers of {model.Name}, {lost.Length} {(lost.Length == 1 ? "is" : "are")} lower than " +
            $"{c.Reference.Name}'s beyond the errors{(lost.Length > 0 ? $" ({Names(lost)})" : "")}, " +
            $"{won.Length} higher{(won.Length > 0 ? $" ({Names(won)})" : "")}, and {even} cannot be told apart.";
    }

    /// <summary>Whether a change exceeds 1.96 of its standard errors; false without an error.</summary>
    internal static bool Differs(EvaluationRecord change) => change.StandardError is { } error && Math.Abs(change.Value) > 1.96 * error;

    private static IEnumerable<string> Cautions(Comparison c, bool withReasons)
    {
        if (c.TokenizersDiffer)
        {
            yield return "The models' tokenizers differ: their perplexities are per token of different text pieces and cannot be compared.";
        }
        if (c.UnevenTasks() is { Count: > 0 } uneven)
        {
            yield return $"Not measured with the same settings for every model: {string.Join(", ", uneven)}.";
        }
        if (c.Plan.Skipped.Count > 0)
        {
            yield return withReasons
                ? $"Not measured: {string.Join("; ", c.Plan.Skipped.Select(skipped => $"{skipped.Task} ({skipped.Reason})"))}."
                : $"Not measured, for reasons given at the end: {string.Join("; ", c.Plan.Skipped.Select(skipped => skipped.Task))}.";
        }
        yield return "The intervals cover the choice of documents, questions and trials, not the luck of a training run.";
    }
}
