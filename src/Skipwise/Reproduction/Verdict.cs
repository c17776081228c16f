using System.Globalization;
using Skipwise.Reports;

namespace Skipwise.Reproduction;

/// <summary>
/// The verdict on a claim, computed from numbers by the rule beside it. A claim of several numbers holds if each of them says so, does not
/// hold if one of them says the opposite, and is not decided otherwise.
/// </summary>
/// <param name="Claim">the claim</param>
/// <param name="Outcome">of all numbers together</param>
/// <param name="Numbers">what the rule was applied to</param>
/// <param name="Seeds">seeds behind the numbers; 0: they are those of models that are not trained</param>
internal sealed record Verdict(Claim Claim, Outcome Outcome, IReadOnlyList<VerdictNumber> Numbers, int Seeds)
{
    /// <summary>What is known about why a claim does not hold here: the experiment that shows it.</summary>
    public string? Explanation { get; init; }

    /// <summary>A claim that each estimate is below its limit: decided where the whole 95 % interval is on one side.</summary>
    public static Verdict Below(Claim claim, double limit, params IReadOnlyList<(string Name, Estimate Value)> numbers) =>
        Of(claim, [.. numbers.Select(number => Number(number.Name, number.Value, limit, above: false))], SeedsOf(numbers));

    /// <summary>A claim that each estimate is above its limit: decided where the whole 95 % interval is on one side.</summary>
    public static Verdict Above(Claim claim, double limit, params IReadOnlyList<(string Name, Estimate Value)> numbers) =>
        Of(claim, [.. numbers.Select(number => Number(number.Name, number.Value, limit, above: true))], SeedsOf(numbers));

    /// <summary>A claim about what was counted, as the paper's are about its 50 trials: each mean itself reaches the limit.</summary>
    public static Verdict AtLeast(Claim claim, double limit, params IReadOnlyList<(string Name, Estimate Value)> numbers) =>
        Of(claim, [.. numbers.Select(number => Counted(number.Name, number.Value, limit, number.Value.Mean >= limit))], SeedsOf(numbers));

    /// <inheritdoc cref="AtLeast"/>
    public static Verdict AtMost(Claim claim, double limit, params IReadOnlyList<(string Name, Estimate Value)> numbers) =>
        Of(claim, [.. numbers.Select(number => Counted(number.Name, number.Value, limit, number.Value.Mean <= limit))], SeedsOf(numbers));

    /// <summary>The verdict of several numbers.</summary>
    public static Verdict Of(Claim claim, IReadOnlyList<VerdictNumber> numbers, int seeds)
    {
        Outcome[] outcomes = [.. numbers.Select(number => number.Outcome)];
        Outcome outcome = outcomes.Contains(Outcome.DoesNotHold) ? Outcome.DoesNotHold
            : outcomes.Length == 0 || outcomes.Contains(Outcome.NotDecided) ? Outcome.NotDecided : Outcome.Holds;
        return new(claim, outcome, numbers, seeds);
    }

    /// <summary>The outcome in words, with a caution if there was one seed only.</summary>
    public string InWords() => Words(Outcome) + (Seeds == 1 ? " (one seed)" : "");

    /// <summary>The numbers in words.</summary>
    public string Measured() => string.Join("; ", Numbers.Select(number =>
        $"{number.Name}: {Text(number.Value)}" + (number is { Low: { } low, High: { } high } ? $" ({Text(low)} to {Text(high)})" : "")));

    /// <summary>An outcome in words.</summary>
    public static string Words(Outcome outcome) => outcome switch
    {
        Outcome.Holds => "holds",
        Outcome.DoesNotHold => "does not hold",
        _ => "not decided",
    };

    // fractions and ratios to three decimals
    private static string Text(double value) =>
        Math.Abs(value) < 10 ? value.ToString("0.###", CultureInfo.InvariantCulture) : NumberFormat.Short(value);

    private static VerdictNumber Number(string name, Estimate value, double limit, bool above)
    {
        (double low, double high) = (value.Low(), value.High());
        Outcome outcome = double.IsNaN(low) ? Outcome.NotDecided
            : low > limit ? above ? Outcome.Holds : Outcome.DoesNotHold
            : high < limit ? above ? Outcome.DoesNotHold : Outcome.Holds
            : Outcome.NotDecided;
        return new(name, value.Mean, Known(low), Known(high), limit, outcome);
    }

    private static VerdictNumber Counted(string name, Estimate value, double limit, bool holds) =>
        new(name, value.Mean, null, null, limit,
            double.IsNaN(value.Mean) ? Outcome.NotDecided : holds ? Outcome.Holds : Outcome.DoesNotHold);

    private static int SeedsOf(IReadOnlyList<(string Name, Estimate Value)> numbers) =>
        numbers.Select(number => number.Value.Seeds).DefaultIfEmpty(0).Max();

    private static double? Known(double value) => double.IsNaN(value) ? null : value;
}
