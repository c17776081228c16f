using System.CommandLine;
using Skipwise.Runs;

namespace Skipwise.Cli.Flags;

/// <summary>Checkpoints and resumption of a run.</summary>
internal sealed class SaveFlags(Command command)
{
    private static readonly SaveOptions s_default = new();
    private readonly Flag<int> _every =
        command.Integer("--save-every", "steps between checkpoints; 0 saves only at the end or when interrupted", s_default.EverySteps)
        .Sets(nameof(SaveOptions.EverySteps));
    private readonly Flag<int> _keepLast =
        command.Integer("--keep-last", "number of checkpoints kept, the newest ones", s_default.KeepLast)
        .Sets(nameof(SaveOptions.KeepLast));
    private readonly Flag<bool> _tensorBoard =
        command.Switch("--tensorboard", "also write the metrics as TensorBoard event files, into tensorboard/")
        .Sets(nameof(SaveOptions.TensorBoard));
    private readonly Flag<bool> _resume = command.Switch("--resume",
        "continue the run in --out from its newest checkpoint; options that decide the result must be the same")
        .Sets(nameof(SaveOptions.Resume));

    public SaveOptions Of(ParseResult parse) =>
        new()
        {
            EverySteps = _every.ValueOf(parse),
            KeepLast = _keepLast.ValueOf(parse),
            Resume = _resume.ValueOf(parse),
            TensorBoard = _tensorBoard.ValueOf(parse)
        };
}
