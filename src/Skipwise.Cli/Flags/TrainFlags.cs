using System.CommandLine;
using Skipwise.Training;

namespace Skipwise.Cli.Flags;

/// <summary>How long and how fast to train.</summary>
internal sealed class TrainFlags(Command command)
{
    private static readonly TrainOptions s_default = new();
    private readonly Flag<int> _steps = command.Integer("--steps", "optimizer steps", s_default.Steps);
    private readonly Flag<int> _batchSize = command.Integer("--batch-size", "windows per forward", s_default.BatchSize);
    private readonly Flag<int> _accumulation = command.Integer("--gradient-accumulation", "forwards per optimizer step", s_default.GradientAccumulation);
    private readonly Flag<double> _learningRate = command.Number("--learning-rate", "peak learning rate", s_default.LearningRate);
    private readonly Flag<int> _warmupSteps = command.Integer("--warmup-steps", "steps of linear rise to the peak", s_default.WarmupSteps);
    private readonly Flag<Decay> _schedule = command.Choice("--schedule", "how the rate falls afterwards", s_default.Decay);
    private readonly Flag<double> _weightDecay = command.Number("--weight-decay", "AdamW's weight decay", s_default.AdamW.WeightDecay);
    private readonly Flag<double> _maxGradNorm = command.Number("--max-grad-norm", "the gradients' common norm is clipped to this; 0 does not clip", s_default.MaxGradNorm);

    public TrainOptions Of(ParseResult parse) => s_default with
    {
        Steps = _steps.Of(parse),
        BatchSize = _batchSize.Of(parse),
        GradientAccumulation = _accumulation.Of(parse),
        LearningRate = _learningRate.Of(parse),
        WarmupSteps = _warmupSteps.Of(parse),
        Decay = _schedule.Of(parse),
        AdamW = s_default.AdamW with { WeightDecay = _weightDecay.Of(parse) },
        MaxGradNorm = _maxGradNorm.Of(parse),
    };
}
