using System.CommandLine;
using Skipwise.Models;
using Skipwise.Recipes;
using Skipwise.Rope;

namespace Skipwise.Cli.Flags;

/// <summary>What a user may say about the rotary embedding, wherever a model is loaded.</summary>
/// <param name="extends">whether the command extends the model, and derives what the user does not say</param>
/// <param name="trains">whether it trains the extended model, so that pilots may choose the scaling</param>
internal sealed class RopeFlags(Command command, bool extends = false, bool trains = false)
{
    private static readonly RopePilotOptions s_pilots = new();
    private readonly Flag<RopeChoice?> _type =
        new Flag<RopeChoice?>(Type(command, extends, trains), null).Sets(nameof(RopeOverrides.Type));
    private readonly Flag<double?> _factor = command.OptionalNumber("--rope-factor",
        extends ? "factor of the RoPE scaling [default: target length / original length]"
            : "factor of the RoPE scaling: target length / original length")
        .Sets(nameof(RopeOverrides.Factor)).Sets(nameof(RopeOptions.Factor));
    private readonly Flag<int?> _originalLength =
        command.OptionalInteger("--rope-original-length", "window of the base model, in tokens, if config.json does not state it")
        .Sets(nameof(RopeOverrides.OriginalLength)).Sets(nameof(RopeOptions.OriginalMaxPositionEmbeddings));
    private readonly Flag<double?> _theta =
        command.OptionalNumber("--rope-theta", "base of the rotary frequencies, in place of config.json's")
        .Sets(nameof(RopeOverrides.Theta)).Sets(nameof(RopeOptions.Theta));
    private readonly Flag<int>? _pilotSteps = trains
        ? command.Integer("--rope-pilot-steps", "optimizer steps of each pilot of --rope auto", s_pilots.Steps)
            .Sets(nameof(RopePilotOptions.Steps))
        : null;

    public RopeOverrides Of(ParseResult parse) => new()
    {
        Type = _type.ValueOf(parse)?.Type,
        Factor = _factor.ValueOf(parse),
        OriginalLength = _originalLength.ValueOf(parse),
        Theta = _theta.ValueOf(parse),
    };

    /// <summary>The pilots that choose the scaling, if the user asks for them.</summary>
    public RopePilotOptions Pilots(ParseResult parse) =>
        new() { IsEnabled = _type.ValueOf(parse) is { Type: null }, Steps = _pilotSteps!.ValueOf(parse) };

    private static Option<RopeChoice?> Type(Command command, bool extends, bool trains)
    {
        string[] names = trains ? [.. RopeTypeNames.All, RopeChoice.Auto] : [.. RopeTypeNames.All];
        string listed = string.Join(", ", RopeTypeNames.All);
        Option<RopeChoice?> option = command.Add<RopeChoice?>("--rope", "type",
            (extends ? $"RoPE scaling of the extended model: {listed} [default: yarn; for a Phi-3 longrope]"
                : $"RoPE scaling, in place of config.json's: {listed}") +
            (trains ? $"; {RopeChoice.Auto}: short pilots of several choose the one with the lowest perplexity on --eval-data" : ""),
            name => Parse(name, names));
        option.Completing(names);
        return option;
    }

    private static RopeChoice Parse(string name, string[] names)
    {
        if (names.Contains(RopeChoice.Auto) && string.Equals(name, RopeChoice.Auto, StringComparison.OrdinalIgnoreCase))
        {
            return new(null);
        }
        try
        {
            return new(RopeTypeNames.Parse(name));
        }
        catch (SkipwiseException e)
        {
            throw new FormatException(e.Message + Suggestion.DidYouMean(name, names), e);
        }
    }
}
