using System.Globalization;
using Skipwise.Models;
using Skipwise.Models.Lora;
using Skipwise.Training;
using Skipwise.Training.Optimizers;

namespace Skipwise.Runs;

/// <summary>
/// Training options that decide a run's bytes, for its <see cref="RunContract"/>. Excluded are the number of skipped steps that ends a run
/// and recomputation (the results are the same).
/// </summary>
internal static class TrainingValues
{
    /// <summary>
    /// The number of steps is a separate value, <see cref="OfSteps"/>: with <see cref="TrainOptions.Epochs"/> it follows from the data.
    /// </summary>
    public static IEnumerable<NamedValue> Of(TrainOptions train) =>
    [
        NamedValue.Of("batch_size", train.BatchSize),
        NamedValue.Of("gradient_accumulation_steps", train.GradientAccumulationSteps),
        NamedValue.Of("packing", train.Packing),
        NamedValue.Of("learning_rate", train.LearningRate),
        NamedValue.Of("warmup_steps", train.WarmupSteps),
        new("learning_rate_decay", train.LearningRateDecay switch
        {
            LearningRateDecay.Linear => "linear",
            LearningRateDecay.Cosine => "cosine",
            LearningRateDecay.Constant => "constant",
            _ => throw Unnamed(train.LearningRateDecay),
        }),
        NamedValue.Of("min_learning_rate_ratio", train.MinLearningRateRatio),
        NamedValue.Of("max_grad_norm", train.MaxGradNorm),
        NamedValue.Of("spike_threshold", train.SpikeThreshold),
        new("optimizer", train.Optimizer switch
        {
            OptimizerKind.Adamw => "adamw",
            OptimizerKind.Adamw8bit => "adamw8bit",
            OptimizerKind.Adafactor => "adafactor",
            _ => throw Unnamed(train.Optimizer),
        }),
        NamedValue.Of("adam_beta1", train.AdamW.Beta1),
        NamedValue.Of("adam_beta2", train.AdamW.Beta2),
        NamedValue.Of("adam_eps", train.AdamW.Eps),
        NamedValue.Of("weight_decay", train.AdamW.WeightDecay),
        NamedValue.Of("learning_rate_scale.matrices", train.AdamW.Scales.Matrices),
        NamedValue.Of("learning_rate_scale.embeddings", train.AdamW.Scales.Embeddings),
        NamedValue.Of("learning_rate_scale.norms", train.AdamW.Scales.Norms),
        NamedValue.Of("learning_rate_scale.biases", train.AdamW.Scales.Biases),
        NamedValue.Of("learning_rate_scale.adapters", train.AdamW.Scales.Adapters),
    ];

    /// <summary>Length of the run, which the learning rate depends on.</summary>
    public static NamedValue OfSteps(int steps) => NamedValue.Of("steps", steps);

    /// <summary>Trained weights: the whole model, or LoRA adapters.</summary>
    public static IEnumerable<NamedValue> Of(LoraOptions lora) => !lora.IsEnabled ? [NamedValue.Of("lora.rank", 0)] :
    [
        NamedValue.Of("lora.rank", lora.Rank),
        NamedValue.Of("lora.alpha", lora.Alpha ?? 2.0 * lora.Rank),
        NamedValue.Of("lora.dropout", lora.Dropout),
        new("lora.target_modules", string.Join(',', lora.TargetModules.Distinct().Order(StringComparer.Ordinal))),
        NamedValue.Of("lora.train_norms", lora.TrainNorms),
        NamedValue.Of("lora.train_embeddings", lora.TrainEmbeddings),
        NamedValue.Of("lora.quantization_bits", lora.QuantizationBits),
    ];

    /// <summary>
    /// Settings of the evaluation during training. They decide which checkpoint is the best, so one run has one setting. The interval
    /// decides the end of a run only if it may end early.
    /// </summary>
    /// <param name="evaluation">null: no evaluation</param>
    public static IEnumerable<NamedValue> Of(TrainingEvaluation? evaluation)
    {
        TrainingEvaluationOptions? options = evaluation?.Options;
        bool endsEarly = options?.Patience > 0;
        return
        [
            new("evaluation.text", evaluation?.TextHash ?? NamedValue.None, NamedValue.None),
            new("evaluation.windows", Listed(evaluation?.Windows), NamedValue.None),
            new("evaluation.passkey_lengths", Listed(options?.PasskeyLengths), NamedValue.None),
            new("evaluation.passkey_trials", options is { PasskeyLengths.Count: > 0 } ? Listed([options.PasskeyTrials]) : NamedValue.None,
                NamedValue.None),
            new("evaluation.patience", endsEarly ? Listed([options!.Patience]) : NamedValue.None, NamedValue.None),
            new("evaluation.every_steps", endsEarly ? Listed([options!.EverySteps]) : NamedValue.None, NamedValue.None),
        ];
    }

    private static string Listed(IReadOnlyList<int>? values) => values is not { Count: > 0 } ? NamedValue.None
        : string.Join(',', values.Select(value => value.ToString(CultureInfo.InvariantCulture)));

    private static ArgumentOutOfRangeException Unnamed<T>(T value) where T : struct, Enum => new(nameof(value), value, "has no name here");
}
