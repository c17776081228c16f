using System.CommandLine;
using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Cli.Flags;

/// <summary>What a user may say about the rotary embedding, wherever a model is loaded.</summary>
/// <param name="extends">whether the command extends the model, and derives what the user does not say</param>
internal sealed class RopeFlags(Command command, bool extends = false)
{
    private readonly Flag<RopeType?> _type = new Flag<RopeType?>(Type(command, extends), null).Sets(nameof(RopeOverrides.Type));
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

    public RopeOverrides Of(ParseResult parse) => new()
    {
        Type = _type.ValueOf(parse),
        Factor = _factor.ValueOf(parse),
        OriginalLength = _originalLength.ValueOf(parse),
        Theta = _theta.ValueOf(parse),
    };

    private static Option<RopeType?> Type(Command command, bool extends)
    {
        string names = string.Join(", ", RopeTypeNames.All);
        Option<RopeType?> option = command.Add<RopeType?>("--rope", "type",
            extends ? $"RoPE scaling of the extended model: {names} [default: yarn; for a Phi-3 longrope]"
                : $"RoPE scaling, in place of config.json's: {names}", Parse);
        option.Completing(RopeTypeNames.All);
        return option;
    }

    private static RopeType? Parse(string name)
    {
        try
        {
            return RopeTypeNames.Parse(name);
        }
        catch (SkipwiseException e)
        {
            throw new FormatException(e.Message + Suggestion.DidYouMean(name, RopeTypeNames.All), e);
        }
    }
}
