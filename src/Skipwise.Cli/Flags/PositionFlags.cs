using System.CommandLine;
using Skipwise.Positions;
using Skipwise.Recipes;

namespace Skipwise.Cli.Flags;

/// <summary>How a training window's positions are drawn.</summary>
/// <param name="distancesOnly">without the options that decide no position: where windows begin in a document, and which tokens count in
/// the loss</param>
internal sealed class PositionFlags(Command command, bool distancesOnly = false)
{
    private static readonly PositionOptions s_default = new();
    private readonly Flag<PositionMode> _positions =
        command.Choice("--positions", "how position ids are drawn: pose, or a baseline to compare it with", s_default.Mode)
        .Sets(nameof(PositionOptions.Mode));
    private readonly Flag<int> _chunks = command.Integer("--chunks", "chunks per window", s_default.Chunks)
        .Sets(nameof(PositionOptions.Chunks));
    private readonly Flag<LengthRule> _lengthRule =
        command.Choice("--length-rule", "how a window is cut into chunks: as in the paper, or as in its released code",
            s_default.LengthRule).Sets(nameof(PositionOptions.LengthRule));
    private readonly Flag<ContentMode> _content =
        command.Choice("--content", "which part of the document a chunk reads", s_default.Content).Sets(nameof(PositionOptions.Content));
    private readonly Flag<double> _endShare =
        command.Number("--end-share",
            "probability, 0 to 1, that the last chunk takes the largest skip (with follow: within the document), which PoSE's own draw "
            + "seldom takes; 0 draws exactly as the paper",
            s_default.EndShare).Sets(nameof(PositionOptions.EndShare));
    private readonly Flag<bool>? _maskSeams = distancesOnly ? null
        : command.Switch("--mask-seams",
            "ignore the loss of the first token of every chunk but the first: the token before it does not predict it")
        .Sets(nameof(PositionOptions.MaskSeams));
    private readonly Flag<bool>? _fromDocumentStart = distancesOnly ? null
        : command.Switch("--from-document-start", "windows begin at a document's first token, as in the paper [default: at a random token]")
        .Sets(nameof(PoseOptions.RandomStart)).Sets(nameof(FineTuneOptions.RandomStart));

    public PositionOptions Of(ParseResult parse) => new()
    {
        Mode = _positions.ValueOf(parse),
        Chunks = _chunks.ValueOf(parse),
        LengthRule = _lengthRule.ValueOf(parse),
        Content = _content.ValueOf(parse),
        EndShare = _endShare.ValueOf(parse),
        MaskSeams = _maskSeams?.ValueOf(parse) ?? s_default.MaskSeams,
    };

    /// <summary>Whether windows begin anywhere in a document.</summary>
    public bool RandomStart(ParseResult parse) => _fromDocumentStart?.ValueOf(parse) is not true;
}
