using Skipwise.Evaluation.Results;

namespace Skipwise.Reports.Comparing;

/// <summary>
/// The effective length: the longest evaluated length at which, as at every shorter one, a model passes the retrieval criteria and its
/// perplexity has not risen. Perplexity alone cannot show that a window is used, so only lengths with a retrieval evaluation count.
/// </summary>
/// <param name="Tokens">0 if the shortest length fails</param>
/// <param name="Low">the same if every value must pass at the pessimistic end of its 95 % interval</param>
/// <param name="High">the same if every value must pass only at the optimistic end of its 95 % interval</param>
/// <param name="Longest">the longest length at which retrieval was evaluated</param>
/// <param name="Limit">the criterion that fails at the next length; null if none does</param>
internal sealed record EffectiveLength(int Tokens, int Low, int High, int Longest, string? Limit)
{
    /// <summary>One criterion of a length: its result for the value, and for the pessimistic and the optimistic end of its
    /// interval.</summary>
    private readonly record struct Criterion(string Finding, bool AtPessimisticBound, bool Measured, bool AtOptimisticBound);

    /// <summary>A description of the rule.</summary>
    public static string Describe(EffectiveLengthRule rule, int reference) =>
        $"The effective length is the longest measured length at which, as at every shorter one, the model finds at least " +
        $"{NumberFormat.Short(rule.MinPasskey)} of the passkeys, scores at least " +
        $"{NumberFormat.Short(rule.MinRuler)} in RULER (percent, averaged over its tasks), and its perplexity is above its own at " +
        $"{reference} tokens by no more than one standard error; evaluations that were not run are not required. " +
        "Lower end: retrieval passes at the lower bound of its 95 % interval, and perplexity has not risen. Upper end: retrieval passes " +
        "at the upper bound, and perplexity rose by at most two standard errors.";

    /// <summary>Computes the effective length.</summary>
    /// <param name="records">of one model</param>
    /// <param name="rule">the limits</param>
    /// <returns>null if no retrieval was evaluated</returns>
    /// <param name="reference">the window whose perplexity the others are compared with; the shortest one if it was not evaluated</param>
    public static EffectiveLength? Compute(IReadOnlyList<EvaluationRecord> records, EffectiveLengthRule rule, int reference)
    {
        EvaluationRecord[] passkeys = Metric(records, "passkey", "accuracy"), ruler = Metric(records, "ruler", "average"),
            perplexities = Metric(records, "perplexity", "perplexity");
        int[] lengths = [.. passkeys.Concat(ruler).Select(record => record.Length!.Value).Distinct().Order()];
        if (lengths.Length == 0)
        {
            return null;
        }
        EvaluationRecord? near = perplexities.FirstOrDefault(p => p.Length == reference) ?? perplexities.MinBy(p => p.Length);
        Criterion[] At(int length) =>
        [
            .. passkeys.Where(p => p.Length == length).Select(p => AtLeast("passkey", p, rule.MinPasskey)),
            .. ruler.Where(p => p.Length == length).Select(p => AtLeast("RULER", p, rule.MinRuler)),
            .. perplexities.Where(p => p.Length == length && p.Length > near!.Length).Select(p => NotRisen(p, near!)),
        ];
        int Reach(Func<Criterion, bool> passes) => lengths.TakeWhile(length => At(length).All(passes)).LastOrDefault();
        int tokens = Reach(c => c.Measured);
        string? limit = lengths.FirstOrDefault(length => length > tokens) is var next and > 0
            ? $"at {next} tokens {string.Join(" and ", At(next).Where(c => !c.Measured).Select(c => c.Finding))}"
            : null;
        return new(tokens, Reach(c => c.AtPessimisticBound), Reach(c => c.AtOptimisticBound), lengths[^1], limit);
    }

    private static EvaluationRecord[] Metric(IReadOnlyList<EvaluationRecord> records, string task, string metric) =>
        [.. records.Where(record => record.Task == task && record.Metric == metric && record.Length is not null)];

    private static Criterion AtLeast(string name, EvaluationRecord score, double limit)
    {
        double reach = 1.96 * (score.StandardError ?? 0);
        (double low, double high) = score.Interval is [var from, var to] ? (from, to) : (score.Value - reach, score.Value + reach);
        return new($"{name} is {NumberFormat.Short(score.Value)}, below {NumberFormat.Short(limit)}", low >= limit, score.Value >= limit,
            high >= limit);
    }

    private static Criterion NotRisen(EvaluationRecord far, EvaluationRecord near)
    {
        double rise = far.Value - near.Value, error = far.StandardError ?? 0;
        // false for NaN
        return new($"perplexity has risen from {NumberFormat.Perplexity(near.Value)} to {NumberFormat.Perplexity(far.Value)}", rise <= 0,
            rise <= error, rise <= 2 * error);
    }
}
