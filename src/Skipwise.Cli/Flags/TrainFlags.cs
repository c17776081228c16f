using System.CommandLine;
using Skipwise.Training;

namespace Skipwise.Cli.Flags;

/// <summary>How long and how fast to train.</summary>
internal sealed class TrainFlags(Command command)
{
    private static readonly TrainOptions s_default = new();
    private readonly Flag<int> _steps = command.Integer("--steps", "optimizer steps", s_default.Steps);
    private readonly Flag<double?> _epochs = command.OptionalNumber("--epochs", "passes over the data, in place of --steps");
    private readonly Flag<int> _batchSize = command.Integer("--batch-size", "windows per forward", s_default.BatchSize);
    private readonly Flag<int> _accumulation = command.Integer("--gradient-accumulation", "forwards per optimizer step", s_default.GradientAccumulation);
    private readonly Flag<double> _learningRate = command.Number("--learning-rate", "peak learning rate", s_default.LearningRate);
    private readonly Flag<int> _warmupSteps = command.Integer("--warmup-steps", "steps of linear rise to the peak", s_default.WarmupSteps);
    private readonly Flag<Decay> _schedule = command.Choice("--schedule", "how the rate falls afterwards", s_default.Decay);
    private readonly Flag<double> _floor = command.Number("--learning-rate-floor", "where the fall ends, as a share of the peak", s_default.LearningRateFloor);
    private readonly Flag<LearningRateScales> _scales = command.Scales("--learning-rate-scale", "groups that learn faster or slower than the schedule, such as embeddings=0.1,norms=2 [groups: matrices, embeddings, norms, biases, adapters]");
    private readonly Flag<OptimizerKind> _optimizer = command.Choice("--optimizer", "how gradients become updates; bytes kept per trained weight: adamw 8, adamw8bit 2, adafactor next to none", s_default.Optimizer);
    private readonly Flag<Offload> _offload = command.Choice("--offload", "what stays in host memory while a GPU computes: optimizer keeps the optimizer's state and the float32 weights there", s_default.Offload);
    private readonly Flag<double> _weightDecay = command.Number("--weight-decay", "decoupled weight decay, of matrices; norms and biases never decay", s_default.AdamW.WeightDecay);
    private readonly Flag<double> _beta1 = command.Number("--adam-beta1", "decay of the gradient's running mean", s_default.AdamW.Beta1);
    private readonly Flag<double> _beta2 = command.Number("--adam-beta2", "decay of the squared gradient's running mean", s_default.AdamW.Beta2);
    private readonly Flag<double> _eps = command.Number("--adam-eps", "added to the root in the denominator", s_default.AdamW.Eps);
    private readonly Flag<double> _maxGradNorm = command.Number("--max-grad-norm", "the gradients' common norm is clipped to this; 0 does not clip", s_default.MaxGradNorm);
    private readonly Flag<double> _spikeThreshold = command.Number("--spike-threshold", "a step is skipped when its loss lies so many times the last losses' spread above them; 0 skips none", s_default.SpikeThreshold);
    private readonly Flag<int> _maxBadSteps = command.Integer("--max-bad-steps", "stop after so many bad steps in a row: spikes, and losses or gradients that are no numbers", s_default.MaxBadSteps);
    private readonly Flag<int> _checkpoint = command.Integer("--checkpoint-layers", "compute every n-th layer a second time instead of keeping its activations: 1 all of them, for the least memory; 0 none", s_default.CheckpointEvery);
    private readonly Flag<bool> _packing = command.Switch("--packing", "lay the windows of a batch end to end without padding, each with its own attention: for documents shorter than the window (see --min-document-tokens)");

    public TrainOptions Of(ParseResult parse) => s_default with
    {
        Steps = _steps.Of(parse),
        Epochs = _epochs.Of(parse),
        BatchSize = _batchSize.Of(parse),
        GradientAccumulation = _accumulation.Of(parse),
        LearningRate = _learningRate.Of(parse),
        WarmupSteps = _warmupSteps.Of(parse),
        Decay = _schedule.Of(parse),
        LearningRateFloor = _floor.Of(parse),
        Optimizer = _optimizer.Of(parse),
        Offload = _offload.Of(parse),
        AdamW = new AdamWOptions(_beta1.Of(parse), _beta2.Of(parse), _eps.Of(parse), _weightDecay.Of(parse)) { Scales = _scales.Of(parse) },
        SpikeThreshold = _spikeThreshold.Of(parse),
        MaxBadSteps = _maxBadSteps.Of(parse),
        MaxGradNorm = _maxGradNorm.Of(parse),
        CheckpointEvery = _checkpoint.Of(parse),
        Packing = _packing.Of(parse),
    };
}
