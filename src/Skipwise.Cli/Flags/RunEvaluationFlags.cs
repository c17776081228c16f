using System.CommandLine;
using Skipwise.Data;
using Skipwise.Runs;

namespace Skipwise.Cli.Flags;

/// <summary>What a run measures on its way.</summary>
internal sealed class RunEvaluationFlags(Command command)
{
    private static readonly TrainingEvaluationOptions s_default = new();
    private readonly Flag<int> _every =
        command.Integer("--eval-every", "steps between evaluations during training; 0 never. The best checkpoint is kept in best/",
            s_default.EverySteps).Sets(nameof(TrainingEvaluationOptions.EverySteps));
    private readonly Flag<string[]> _data =
        command.Texts("--eval-data", "path", "held-out text for perplexity, or one .tokens file; it decides which checkpoint is best")
        .Sets(nameof(TrainingEvaluationOptions.Data));
    private readonly Flag<IReadOnlyList<int>> _windows =
        command.Integers("--eval-lengths", "windows for perplexity, in tokens [default: the target length and its halves]")
        .Sets(nameof(TrainingEvaluationOptions.Windows)).Alias("--eval-windows");
    private readonly Flag<int> _documents = command.Integer("--eval-documents", "number of documents for perplexity", s_default.Documents)
        .Sets(nameof(TrainingEvaluationOptions.Documents));
    private readonly Flag<IReadOnlyList<int>> _passkeyLengths =
        command.Integers("--eval-passkey-lengths", "lengths of passkey prompts, in tokens [default: none]")
        .Sets(nameof(TrainingEvaluationOptions.PasskeyLengths));
    private readonly Flag<int> _passkeyTrials =
        command.Integer("--eval-passkey-trials", "number of passkey prompts per length", s_default.PasskeyTrials)
        .Sets(nameof(TrainingEvaluationOptions.PasskeyTrials));
    private readonly Flag<int> _patience =
        command.Integer("--patience",
            "early stopping: end the run after this number of evaluations without a better one; 0 never", s_default.Patience)
        .Sets(nameof(TrainingEvaluationOptions.Patience));

    /// <param name="text">how the run's own text is read</param>
    public TrainingEvaluationOptions Of(ParseResult parse, DataOptions text) => new()
    {
        EverySteps = _every.ValueOf(parse),
        Data = _data.ValueOf(parse) is { Length: > 0 } paths ? text with { Paths = paths } : null,
        Windows = _windows.ValueOf(parse),
        Documents = _documents.ValueOf(parse),
        PasskeyLengths = _passkeyLengths.ValueOf(parse),
        PasskeyTrials = _passkeyTrials.ValueOf(parse),
        Patience = _patience.ValueOf(parse),
    };
}
