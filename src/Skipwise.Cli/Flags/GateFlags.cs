using System.CommandLine;
using Skipwise.Evaluation.Results;

namespace Skipwise.Cli.Flags;

/// <summary>Limits that decide the exit code, and what counts as an effective length.</summary>
internal sealed class GateFlags(Command command)
{
    private static readonly EffectiveLengthRule s_rule = new();
    private readonly Flag<double?> _minPasskey =
        command.OptionalNumber("--min-passkey", "gate: minimum passkey accuracy, 0 to 1, at every evaluated length up to a model's window")
        .Sets(nameof(GateOptions.MinPasskey));
    private readonly Flag<double?> _maxIncrease =
        command.OptionalNumber("--max-short-ppl-increase",
            "gate: maximum increase of the perplexity at the original window over the first model's; 0.02 is 2 %")
        .Sets(nameof(GateOptions.MaxShortPplIncrease));
    private readonly Flag<int?> _minEffective =
        command.OptionalInteger("--min-effective-length", "gate: minimum effective length, in tokens")
        .Sets(nameof(GateOptions.MinEffectiveLength));
    private readonly Flag<double> _effectivePasskey =
        command.Number("--effective-passkey", "passkey accuracy, 0 to 1, that an effective length requires", s_rule.MinPasskey)
        .Sets(nameof(EffectiveLengthRule.MinPasskey));
    private readonly Flag<double> _effectiveRuler =
        command.Number("--effective-ruler",
            "average over the RULER tasks, in percent, that an effective length requires; the default is RULER's own", s_rule.MinRuler)
        .Sets(nameof(EffectiveLengthRule.MinRuler));

    public GateOptions Of(ParseResult parse) =>
        new()
        {
            MinPasskey = _minPasskey.ValueOf(parse),
            MaxShortPplIncrease = _maxIncrease.ValueOf(parse),
            MinEffectiveLength = _minEffective.ValueOf(parse)
        };

    public EffectiveLengthRule Rule(ParseResult parse) =>
        new() { MinPasskey = _effectivePasskey.ValueOf(parse), MinRuler = _effectiveRuler.ValueOf(parse) };
}
