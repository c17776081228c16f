using System.CommandLine;
using Skipwise.Positions;

namespace Skipwise.Cli.Flags;

/// <summary>How a training window's positions are drawn.</summary>
internal sealed class PoseFlags(Command command)
{
    private static readonly PoseOptions s_default = new() { TrainLength = 0, TargetLength = 0 };
    private readonly Flag<PositionMode> _positions =
        command.Choice("--positions", "how position ids are drawn: pose, or a baseline to compare it with", s_default.Mode)
        .Sets(nameof(PoseOptions.Mode));
    private readonly Flag<int> _chunks = command.Integer("--chunks", "chunks per window", s_default.Chunks)
        .Sets(nameof(PoseOptions.Chunks));
    private readonly Flag<LengthRule> _lengthRule =
        command.Choice("--length-rule", "how a window is cut into chunks: as in the paper, or as in its released code",
            s_default.LengthRule).Sets(nameof(PoseOptions.LengthRule));
    private readonly Flag<ContentMode> _content =
        command.Choice("--content", "which part of the document a chunk reads", s_default.Content).Sets(nameof(PoseOptions.Content));
    private readonly Flag<bool> _maskSeams =
        command.Switch("--mask-seams",
            "ignore the loss of the first token of every chunk but the first: the token before it does not predict it")
        .Sets(nameof(PoseOptions.MaskSeams));
    private readonly Flag<bool> _fromDocumentStart =
        command.Switch("--from-document-start", "windows begin at a document's first token, as in the paper [default: at a random token]")
        .Sets(nameof(PoseOptions.RandomStart));

    /// <summary>All but the lengths.</summary>
    public PoseOptions Of(ParseResult parse) => s_default with
    {
        Mode = _positions.ValueOf(parse),
        Chunks = _chunks.ValueOf(parse),
        LengthRule = _lengthRule.ValueOf(parse),
        Content = _content.ValueOf(parse),
        MaskSeams = _maskSeams.ValueOf(parse),
        RandomStart = !_fromDocumentStart.ValueOf(parse),
    };
}
