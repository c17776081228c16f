namespace Skipwise.Reproduction;

/// <summary>A number that a verdict rests on, judged.</summary>
/// <param name="Name">what it is</param>
/// <param name="Value">the value that the rule compares</param>
/// <param name="Low">lower end of its 95 % interval; null: unknown, or not used by the rule</param>
/// <param name="High">upper end</param>
/// <param name="Limit">what it is compared with</param>
/// <param name="Unit">of value, interval and limit</param>
/// <param name="Seeds">seeds behind it; 0: it is computed, or of models that are not trained</param>
/// <param name="Outcome">by this number alone</param>
internal sealed record VerdictNumber(
    string Name, double Value, double? Low, double? High, double Limit, NumberUnit Unit, int Seeds, Outcome Outcome)
{
    // 9 of 10 counted as a mean may be a little less than .9
    private const double Rounding = 1e-9;

    /// <summary>Holds where the whole 95 % interval is below the limit; refuted where it is above.</summary>
    public static VerdictNumber Below(NamedEstimate number, double limit) => Interval(number, limit, above: false);

    /// <summary>Holds where the whole 95 % interval is above the limit; refuted where it is below.</summary>
    public static VerdictNumber Above(NamedEstimate number, double limit) => Interval(number, limit, above: true);

    /// <summary>Holds if the value itself reaches the limit.</summary>
    public static VerdictNumber AtLeast(NamedEstimate number, double limit) =>
        Counted(number, limit, number.Value.Mean >= limit - Rounding);

    /// <summary>Holds if the value itself does not pass the limit.</summary>
    public static VerdictNumber AtMost(NamedEstimate number, double limit) =>
        Counted(number, limit, number.Value.Mean <= limit + Rounding);

    /// <summary>The number in words: name, value, interval.</summary>
    public string InWords()
    {
        string interval = this is { Low: { } low, High: { } high }
            ? $" ({NumberText.InVerdict(low, Unit)} to {NumberText.InVerdict(high, Unit)})" : "";
        return $"{Name}: {NumberText.InVerdict(Value, Unit)}{interval}";
    }

    private static VerdictNumber Interval(NamedEstimate number, double limit, bool above)
    {
        (double low, double high) = (number.Value.Low(), number.Value.High());
        Outcome outcome = double.IsNaN(low) ? Outcome.NotDecided
            : low > limit ? above ? Outcome.Holds : Outcome.DoesNotHold
            : high < limit ? above ? Outcome.DoesNotHold : Outcome.Holds
            : Outcome.NotDecided;
        return new(number.Name, number.Value.Mean, Known(low), Known(high), limit, number.Unit, number.Value.Seeds, outcome);
    }

    private static VerdictNumber Counted(NamedEstimate number, double limit, bool holds) =>
        new(number.Name, number.Value.Mean, null, null, limit, number.Unit, number.Value.Seeds,
            double.IsNaN(number.Value.Mean) ? Outcome.NotDecided : holds ? Outcome.Holds : Outcome.DoesNotHold);

    private static double? Known(double value) => double.IsNaN(value) ? null : value;
}
