using System.Diagnostics;
using Skipwise.Data;
using Skipwise.Models;
using Skipwise.Training.Optimizers;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>The training loop: returns one record per step. A caller stops the run by not asking for the next record.</summary>
public static class TrainLoop
{
    private const int StepsAhead = 1; // of the device: their batches are ready when it is

    /// <param name="guard">skips harmful steps; pass one to save its state; null creates one from the options</param>
    /// <param name="scaler">loss scaler of a float16 model; pass one to save its state</param>
    /// <param name="stop">
    /// ends the sequence, also within a step: before the next layer's forward or backward. That step is discarded: weights, optimizer,
    /// guard and scaler are those after the last record
    /// </param>
    /// <exception cref="SkipwiseException">too many skipped steps in a row; the weights are those before them</exception>
    public static IEnumerable<StepMetrics> Run(
        CausalLM model, Optimizer optimizer, IExampleSource source, TrainOptions options, TrainProgress? start = null,
        StepGuard? guard = null, LossScaler? scaler = null, CancellationToken stop = default)
    {
        options = options.WithStepsFor(source.Count);
        start ??= new TrainProgress(0, 0);
        LearningRateSchedule schedule = options.Schedule;
        guard ??= new StepGuard(options, start.Guard);
        scaler = model.Dtype == ScalarType.Float16 ? scaler ?? new LossScaler(start.Scaler) : null;
        foreach (StepBatches batches in
            Prefetcher.Run(unread => StepBatches.Enumerate(source, options, start, unread), StepsAhead, stop))
        {
            // no dispose scope is open across a yield
            if (TakeStep(model, optimizer, batches, options, schedule.At(batches.Step), guard, scaler, stop) is not { } metrics)
            {
                yield break;
            }
            yield return metrics;
            // after the step has been reported, so that a log shows it
            guard.ThrowIfTooManyBadSteps(batches.Step, isLast: batches.Step == options.Steps);
        }
    }

    /// <summary>Number of examples that <paramref name="steps"/> steps consume.</summary>
    public static long ExamplesAfter(int steps, TrainOptions options) =>
        (long)steps * options.BatchSize * options.GradientAccumulationSteps;

    /// <returns>null if it was stopped before the update</returns>
    private static StepMetrics? TakeStep(CausalLM model, Optimizer optimizer, StepBatches batches, TrainOptions options,
        double learningRate, StepGuard guard, LossScaler? scaler, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        long labels = batches.LabelCount;
        if (labels == 0)
        {
            throw new SkipwiseException(
                $"Step {batches.Step}: none of its examples has a label that counts. Give longer documents, or mask fewer labels.");
        }
        double lossScale = scaler?.State.Scale ?? 1;
        Tensor sum;
        try
        {
            sum = SumLosses(model, optimizer, batches, options, labels / lossScale, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            optimizer.ZeroGrad();
            return null;
        }
        // The only synchronization with the device in a step.
        double[] read = stack([sum, optimizer.GradientNorm().to(ScalarType.Float64)]).cpu().data<double>().ToArray();
        double loss = read[0] / labels, norm = read[1] / lossScale;
        string? fault = guard.CheckLoss(loss), overflow = null;
        if (fault is null && !double.IsFinite(norm))
        {
            overflow = scaler is { CanReduceScale: true }
                ? FormattableString.Invariant($"the gradient overflows float16 at a loss scale of {lossScale}")
                : null;
            fault = overflow is null ? FormattableString.Invariant($"the loss is {loss} and the gradient norm {norm}") : null;
        }
        if ((fault ?? overflow) is null)
        {
            optimizer.Step(learningRate, Optimizer.ClipCoefficient(norm, options.MaxGradNorm) / lossScale);
        }
        else
        {
            optimizer.ZeroGrad();
        }
        guard.Record(loss, fault);
        if (fault is null)
        {
            scaler?.Update(overflow is not null);
        }
        long tokens = batches.MicroBatches.Sum(micro => micro.Tokens);
        return new StepMetrics(batches.Step, loss, learningRate, norm, tokens, tokens / clock.Elapsed.TotalSeconds, batches.Epoch,
            DisposeScopeManager.Statistics.ThreadTotalLiveCount)
        {
            Skipped = fault ?? overflow,
            LossScale = scaler is null ? null : lossScale,
        };
    }

    /// <summary>Forward and backward of every micro-batch; the gradients are added to the parameters'.</summary>
    /// <returns>the summed loss, float64, 0-dim</returns>
    private static Tensor SumLosses(
        CausalLM model, Optimizer optimizer, StepBatches batches, TrainOptions options, double divisor, CancellationToken stop)
    {
        Tensor sum = zeros([], ScalarType.Float64, model.Device);
        long place = batches.FirstExample;
        foreach (HostBatch micro in batches.MicroBatches)
        {
            using var microScope = NewDisposeScope();
            using Batch batch = micro.ToDevice(model.Device);
            using IDisposable dropout = model.Dropout.ForMicroBatch(place);
            place += options.BatchSize;
            sum.add_(CausalLoss.Backward(model, batch, divisor, options.RecomputeEvery, logitsPerChunk: null, onBackward: null, stop));
            if (batches.MicroBatches.Count > 1)
            {
                optimizer.AccumulateGradients();
            }
        }
        return sum;
    }
}
