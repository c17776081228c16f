using System.Diagnostics;
using Skipwise.Data;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>Where a run stands; with the weights and the optimizer's state it is all that resuming needs.</summary>
/// <param name="Step">optimizer steps done</param>
/// <param name="ExamplesTaken">examples consumed</param>
public readonly record struct TrainProgress(int Step, long ExamplesTaken);

/// <summary>Training is a function: it takes what it needs and hands back one record per step. Stop by not asking for the next.</summary>
public static class TrainLoop
{
    /// <exception cref="SkipwiseException">the loss or the gradient stopped being a number; the weights are those before that step</exception>
    public static IEnumerable<StepMetrics> Run(CausalLM model, FusedAdamW optimizer, IExampleSource source, TrainOptions options, TrainProgress start = default)
    {
        LearningRateSchedule schedule = options.Schedule;
        var cursor = new ExampleCursor(source, start.ExamplesTaken);
        for (int step = start.Step + 1; step <= options.Steps; step++)
        {
            yield return TakeStep(model, optimizer, cursor, options, step, schedule.At(step)); // no dispose scope is open across a yield
        }
    }

    /// <summary>The examples that <paramref name="steps"/> steps consume.</summary>
    public static long ExamplesAfter(int steps, TrainOptions options) => (long)steps * options.BatchSize * options.GradientAccumulation;

    private static StepMetrics TakeStep(CausalLM model, FusedAdamW optimizer, ExampleCursor cursor, TrainOptions options, int step, double learningRate)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        TrainingExample[] examples = cursor.Take(options.BatchSize * options.GradientAccumulation);
        long labels = CausalLoss.CountLabels(examples);
        if (labels == 0)
        {
            throw new SkipwiseException($"Step {step}: none of its {examples.Length} examples has a label that counts. Give longer documents, or mask fewer labels.");
        }
        Tensor loss = zeros([], ScalarType.Float64, model.Device);
        long tokens = 0;
        foreach (TrainingExample[] micro in examples.Chunk(options.BatchSize))
        {
            using var microScope = NewDisposeScope();
            using Batch batch = Batch.Of(micro, model.Device);
            tokens += batch.Tokens;
            loss.add_(CausalLoss.Backward(model, batch, labels));
        }
        double meanLoss = loss.ToDouble() / labels;
        double norm = double.IsFinite(meanLoss) ? optimizer.Step(learningRate, options.MaxGradNorm) : double.NaN;
        if (!double.IsFinite(norm))
        {
            throw new SkipwiseException(
                $"Step {step}: the loss is {meanLoss} and the gradient norm {norm}; training has diverged. Lower --learning-rate (now {options.LearningRate}) or raise --warmup-steps (now {options.WarmupSteps}).");
        }
        return new StepMetrics(step, meanLoss, learningRate, norm, tokens, tokens / clock.Elapsed.TotalSeconds, cursor.Epoch, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
