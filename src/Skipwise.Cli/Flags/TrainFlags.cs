using System.CommandLine;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Cli.Flags;

/// <summary>How long and how fast to train.</summary>
internal sealed class TrainFlags(Command command)
{
    private static readonly TrainOptions s_default = new();
    private readonly Flag<int> _steps = command.Integer("--steps", "optimizer steps", s_default.Steps);
    private readonly Flag<double?> _epochs = command.OptionalNumber("--epochs", "passes over the data, in place of --steps");
    private readonly Flag<int> _batchSize = command.Integer("--batch-size", "windows per forward", s_default.BatchSize);
    private readonly Flag<int> _accumulation =
        command.Integer("--gradient-accumulation", "forwards per optimizer step", s_default.GradientAccumulationSteps);
    private readonly Flag<double> _learningRate = command.Number("--learning-rate", "peak learning rate", s_default.LearningRate);
    private readonly Flag<int> _warmupSteps = command.Integer("--warmup-steps", "steps of linear rise to the peak", s_default.WarmupSteps);
    private readonly Flag<LearningRateDecay> _schedule =
        command.Choice("--schedule", "how the rate falls afterwards", s_default.LearningRateDecay);
    private readonly Flag<double> _floor =
        command.Number("--min-lr-ratio", "where the fall ends, as a share of the peak", s_default.MinLearningRateRatio);
    private readonly Flag<LearningRateScales> _scales =
        command.Scales("--learning-rate-scale",
            "groups that learn faster or slower than the schedule, such as embeddings=0.1,norms=2 [groups: matrices, embeddings, norms, " +
            "biases, adapters]");
    private readonly Flag<OptimizerKind> _optimizer =
        command.Choice("--optimizer",
            "how gradients become updates; bytes kept per trained weight: adamw 8, adamw8bit 2, adafactor next to none",
            s_default.Optimizer);
    private readonly Flag<Offload> _offload =
        command.Choice("--offload",
            "what stays in host memory while a GPU computes: optimizer keeps the optimizer's state and the float32 weights there",
            s_default.Offload);
    private readonly Flag<double> _weightDecay =
        command.Number("--weight-decay", "decoupled weight decay, of matrices; norms and biases never decay", s_default.AdamW.WeightDecay);
    private readonly Flag<double> _beta1 = command.Number("--adam-beta1", "decay of the gradient's running mean", s_default.AdamW.Beta1);
    private readonly Flag<double> _beta2 =
        command.Number("--adam-beta2", "decay of the squared gradient's running mean", s_default.AdamW.Beta2);
    private readonly Flag<double> _eps = command.Number("--adam-eps", "added to the root in the denominator", s_default.AdamW.Eps);
    private readonly Flag<double> _maxGradNorm =
        command.Number("--max-grad-norm", "the gradients' common norm is clipped to this; 0 does not clip", s_default.MaxGradNorm);
    private readonly Flag<double> _spikeThreshold =
        command.Number("--spike-threshold",
            "a step is skipped when its loss lies so many times the last losses' spread above them; 0 skips none",
            s_default.SpikeThreshold);
    private readonly Flag<int> _maxBadSteps =
        command.Integer("--max-bad-steps", "stop after so many bad steps in a row: spikes, and losses or gradients that are no numbers",
            s_default.MaxBadSteps);
    private readonly Flag<int> _recomputeEvery =
        command.Integer("--recompute-every",
            "compute every n-th layer a second time instead of keeping its activations: 1 all of them, for the least memory; 0 none",
            s_default.RecomputeEvery);
    private readonly Flag<bool> _packing =
        command.Switch("--packing",
            "lay the windows of a batch end to end without padding, each with its own attention: for documents shorter than the window " +
            "(see --min-document-tokens)");

    public TrainOptions Of(ParseResult parse) => s_default with
    {
        Steps = _steps.ValueOf(parse),
        Epochs = _epochs.ValueOf(parse),
        BatchSize = _batchSize.ValueOf(parse),
        GradientAccumulationSteps = _accumulation.ValueOf(parse),
        LearningRate = _learningRate.ValueOf(parse),
        WarmupSteps = _warmupSteps.ValueOf(parse),
        LearningRateDecay = _schedule.ValueOf(parse),
        MinLearningRateRatio = _floor.ValueOf(parse),
        Optimizer = _optimizer.ValueOf(parse),
        Offload = _offload.ValueOf(parse),
        AdamW = new AdamWOptions(_beta1.ValueOf(parse), _beta2.ValueOf(parse), _eps.ValueOf(parse),
            _weightDecay.ValueOf(parse))
        { Scales = _scales.ValueOf(parse) },
        SpikeThreshold = _spikeThreshold.ValueOf(parse),
        MaxBadSteps = _maxBadSteps.ValueOf(parse),
        MaxGradNorm = _maxGradNorm.ValueOf(parse),
        RecomputeEvery = _recomputeEvery.ValueOf(parse),
        Packing = _packing.ValueOf(parse),
    };
}
