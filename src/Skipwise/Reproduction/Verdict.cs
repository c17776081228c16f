namespace Skipwise.Reproduction;

/// <summary>
/// The verdict on a claim, computed from numbers by the rule beside it. A claim of several numbers holds if each of them says so, does not
/// hold if one of them says the opposite, and is not decided otherwise.
/// </summary>
/// <param name="Claim">the claim</param>
/// <param name="Outcome">of all numbers together</param>
/// <param name="Numbers">what the rule was applied to</param>
/// <param name="Seeds">seeds behind the numbers; 0: they are computed, or those of models that are not trained</param>
internal sealed record Verdict(Claim Claim, Outcome Outcome, IReadOnlyList<VerdictNumber> Numbers, int Seeds)
{
    /// <summary>What is known about why a claim does not hold here: the experiment that shows it.</summary>
    public string? Explanation { get; init; }

    /// <summary>A claim that each estimate is below one limit: decided where the whole 95 % interval is on one side.</summary>
    public static Verdict Below(Claim claim, double limit, params IReadOnlyList<NamedEstimate> numbers) =>
        Of(claim, [.. numbers.Select(number => VerdictNumber.Below(number, limit))]);

    /// <summary>A claim that each estimate is above one limit: decided where the whole 95 % interval is on one side.</summary>
    public static Verdict Above(Claim claim, double limit, params IReadOnlyList<NamedEstimate> numbers) =>
        Of(claim, [.. numbers.Select(number => VerdictNumber.Above(number, limit))]);

    /// <summary>A claim about what was counted, as the paper's are about its 50 trials: each mean itself reaches the limit.</summary>
    public static Verdict AtLeast(Claim claim, double limit, params IReadOnlyList<NamedEstimate> numbers) =>
        Of(claim, [.. numbers.Select(number => VerdictNumber.AtLeast(number, limit))]);

    /// <inheritdoc cref="AtLeast"/>
    public static Verdict AtMost(Claim claim, double limit, params IReadOnlyList<NamedEstimate> numbers) =>
        Of(claim, [.. numbers.Select(number => VerdictNumber.AtMost(number, limit))]);

    /// <summary>A claim whose numbers have limits of their own.</summary>
    public static Verdict Of(Claim claim, params IReadOnlyList<VerdictNumber> numbers)
    {
        Outcome[] outcomes = [.. numbers.Select(number => number.Outcome)];
        Outcome outcome = outcomes.Contains(Outcome.DoesNotHold) ? Outcome.DoesNotHold
            : outcomes.Length == 0 || outcomes.Contains(Outcome.NotDecided) ? Outcome.NotDecided : Outcome.Holds;
        return new(claim, outcome, numbers, numbers.Select(number => number.Seeds).DefaultIfEmpty(0).Max());
    }

    /// <summary>The outcome in words, with a caution if there was one seed only.</summary>
    public string InWords()
    {
        string words = Outcome switch
        {
            Outcome.Holds => "holds",
            Outcome.DoesNotHold => "does not hold",
            _ => "not decided",
        };
        return Seeds == 1 ? $"{words} (one seed)" : words;
    }

    /// <summary>The numbers in words.</summary>
    public string Measured() => string.Join("; ", Numbers.Select(number => number.InWords()));
}
