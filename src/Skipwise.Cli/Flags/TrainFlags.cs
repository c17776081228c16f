using System.CommandLine;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Cli.Flags;

/// <summary>How long and how fast to train.</summary>
internal sealed class TrainFlags(Command command)
{
    private static readonly TrainOptions s_default = new();
    private readonly Flag<int> _steps = command.Integer("--steps", "optimizer steps", s_default.Steps).Sets(nameof(TrainOptions.Steps));
    private readonly Flag<double?> _epochs = command.OptionalNumber("--epochs", "passes over the data, in place of --steps")
        .Sets(nameof(TrainOptions.Epochs));
    private readonly Flag<int> _batchSize =
        command.Integer("--batch-size", "windows per micro-batch (one forward and backward pass)", s_default.BatchSize)
        .Sets(nameof(TrainOptions.BatchSize));
    private readonly Flag<int> _accumulation =
        command.Integer("--gradient-accumulation", "micro-batches per optimizer step, of each rank", s_default.GradientAccumulationSteps)
        .Sets(nameof(TrainOptions.GradientAccumulationSteps));
    private readonly Flag<int?> _globalBatchSize =
        command.OptionalInteger("--global-batch-size",
            "windows per optimizer step over all ranks, from which the micro-batches follow [default: --batch-size x " +
            "--gradient-accumulation x ranks]").Sets(nameof(TrainOptions.GlobalBatchSize));
    private readonly Flag<Shard> _shard =
        command.Choice("--shard",
            "what is divided among the ranks (mpirun, srun), each stage with those before it; optimizer: its state (ZeRO 1), gradients " +
            "(ZeRO 2), parameters (ZeRO 3)", s_default.Shard).Sets(nameof(TrainOptions.Shard));
    private readonly Flag<double> _learningRate = command.Number("--learning-rate", "peak learning rate", s_default.LearningRate)
        .Sets(nameof(TrainOptions.LearningRate));
    private readonly Flag<int> _warmupSteps =
        command.Integer("--warmup-steps", "steps of linear warmup to the peak learning rate", s_default.WarmupSteps)
        .Sets(nameof(TrainOptions.WarmupSteps));
    private readonly Flag<LearningRateDecay> _schedule =
        command.Choice("--schedule", "decay of the learning rate after the warmup", s_default.LearningRateDecay)
        .Sets(nameof(TrainOptions.LearningRateDecay));
    private readonly Flag<double> _floor =
        command.Number("--min-lr-ratio", "final learning rate, as a fraction of the peak", s_default.MinLearningRateRatio)
        .Sets(nameof(TrainOptions.MinLearningRateRatio));
    private readonly Flag<LearningRateScales> _scales =
        command.Scales("--learning-rate-scale",
            "multipliers of the learning rate per parameter group, such as embeddings=0.1,norms=2 [groups: matrices, embeddings, norms, " +
            "biases, adapters] [default: 1 for all]")
        .Sets(nameof(LearningRateScales.Matrices), part: "matrices").Sets(nameof(LearningRateScales.Embeddings), part: "embeddings")
        .Sets(nameof(LearningRateScales.Norms), part: "norms").Sets(nameof(LearningRateScales.Biases), part: "biases")
        .Sets(nameof(LearningRateScales.Adapters), part: "adapters");
    private readonly Flag<OptimizerKind> _optimizer =
        command.Choice("--optimizer",
            "optimizer; bytes of its state per trained weight: adamw 8, adamw8bit 2, adafactor nearly 0",
            s_default.Optimizer).Sets(nameof(TrainOptions.Optimizer));
    private readonly Flag<Offload> _offload =
        command.Choice("--offload",
            "state kept in host memory while a GPU computes; optimizer: the optimizer state and the float32 master weights",
            s_default.Offload).Sets(nameof(TrainOptions.Offload));
    private readonly Flag<double> _weightDecay =
        command.Number("--weight-decay", "decoupled weight decay of matrices; norms and biases have none", s_default.AdamW.WeightDecay)
        .Sets(nameof(AdamWOptions.WeightDecay));
    private readonly Flag<double> _beta1 = command.Number("--adam-beta1", "decay of the first moment (exp_avg)", s_default.AdamW.Beta1)
        .Sets(nameof(AdamWOptions.Beta1));
    private readonly Flag<double> _beta2 =
        command.Number("--adam-beta2", "decay of the second moment (exp_avg_sq)", s_default.AdamW.Beta2).Sets(nameof(AdamWOptions.Beta2));
    private readonly Flag<double> _eps =
        command.Number("--adam-eps", "epsilon, added to sqrt(exp_avg_sq) in the denominator", s_default.AdamW.Eps)
        .Sets(nameof(AdamWOptions.Eps));
    private readonly Flag<double> _maxGradNorm =
        command.Number("--max-grad-norm",
            "maximum global gradient norm; larger gradients are clipped to it. 0 does not clip", s_default.MaxGradNorm)
        .Sets(nameof(TrainOptions.MaxGradNorm));
    private readonly Flag<double> _spikeThreshold =
        command.Number("--spike-threshold",
            "skip a step if its loss is above the 90 % quantile of the last losses by this many times their 10-90 % range; 0 never",
            s_default.SpikeThreshold).Sets(nameof(TrainOptions.SpikeThreshold));
    private readonly Flag<int> _maxBadSteps =
        command.Integer("--max-bad-steps", "stop after this number of skipped steps in a row (loss spikes, non-finite losses or gradients)",
            s_default.MaxBadSteps).Sets(nameof(TrainOptions.MaxBadSteps));
    private readonly Flag<int> _recomputeEvery =
        command.Integer("--recompute-every",
            "gradient checkpointing: recompute every n-th layer in the backward pass instead of keeping its activations; 1 all layers " +
            "(least memory), 0 none",
            s_default.RecomputeEvery).Sets(nameof(TrainOptions.RecomputeEvery));
    private readonly Flag<bool> _packing =
        command.Switch("--packing",
            "sequence packing: pack the windows of a batch into one row without padding, each with its own attention mask; for documents " +
            "shorter than the window (see --min-document-tokens)").Sets(nameof(TrainOptions.Packing));

    public TrainOptions Of(ParseResult parse) => s_default with
    {
        Steps = _steps.ValueOf(parse),
        Epochs = _epochs.ValueOf(parse),
        BatchSize = _batchSize.ValueOf(parse),
        GradientAccumulationSteps = _accumulation.ValueOf(parse),
        GlobalBatchSize = _globalBatchSize.ValueOf(parse),
        Shard = _shard.ValueOf(parse),
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
