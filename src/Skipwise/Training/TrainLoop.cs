using System.Diagnostics;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Models;
using Skipwise.Training.Optimizers;
using Skipwise.Training.Parallel;
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
        StepGuard? guard = null, LossScaler? scaler = null, CancellationToken stop = default) =>
        Run(model, optimizer, source, options, start, guard, scaler, ranks: null, stop);

    /// <param name="options">of all ranks together</param>
    /// <param name="ranks">the ranks that train; null: this process alone</param>
    /// <param name="stop">on any rank, ends the sequence on all of them before the same step</param>
    /// <inheritdoc cref="Run(CausalLM, Optimizer, IExampleSource, TrainOptions, TrainProgress, StepGuard, LossScaler, CancellationToken)"/>
    internal static IEnumerable<StepMetrics> Run(
        CausalLM model, Optimizer optimizer, IExampleSource source, TrainOptions options, TrainProgress? start,
        StepGuard? guard, LossScaler? scaler, DataParallel? ranks, CancellationToken stop)
    {
        options = options.WithStepsFor(source.Count);
        start ??= new TrainProgress(0, 0);
        LearningRateSchedule schedule = options.Schedule;
        guard ??= new StepGuard(options, start.Guard);
        scaler = model.Dtype == ScalarType.Float16 ? scaler ?? new LossScaler(start.Scaler) : null;
        // Ranks that stop within a step would leave the others waiting: they agree before each.
        CancellationToken within = ranks is null ? stop : CancellationToken.None;
        (int rank, int count) = ranks is null ? (0, 1) : (ranks.Collective.Rank, ranks.Collective.Size);
        foreach (StepBatches batches in
            Prefetcher.Run(unread => StepBatches.Enumerate(source, options, start, rank, count, unread), StepsAhead, within))
        {
            if (Totals(batches, ranks, stop) is not { } totals)
            {
                yield break;
            }
            // no dispose scope is open across a yield
            if (TakeStep(model, optimizer, batches, totals, options, schedule.At(batches.Step), guard, scaler, ranks, within)
                is not { } metrics)
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

    /// <summary>Labels and tokens of a step over all ranks.</summary>
    /// <returns>null if a rank was asked to stop</returns>
    private static (long Labels, long Tokens)? Totals(StepBatches batches, DataParallel? ranks, CancellationToken stop)
    {
        if (ranks is null)
        {
            return (batches.LabelCount, batches.Tokens);
        }
        double[] sums = ranks.Collective.Sum(batches.LabelCount, batches.Tokens, stop.IsCancellationRequested ? 1 : 0);
        return sums[2] > 0 ? null : ((long)sums[0], (long)sums[1]);
    }

    /// <param name="totals">of the step over all ranks, so that every labelled token weighs the same</param>
    /// <returns>null if it was stopped before the update</returns>
    private static StepMetrics? TakeStep(CausalLM model, Optimizer optimizer, StepBatches batches, (long Labels, long Tokens) totals,
        TrainOptions options, double learningRate, StepGuard guard, LossScaler? scaler, DataParallel? ranks, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        (long labels, long tokens) = totals;
        if (labels == 0)
        {
            throw new SkipwiseException(
                $"Step {batches.Step}: none of its examples has a label that counts. Give longer documents, or mask fewer labels.");
        }
        double lossScale = scaler?.State.Scale ?? 1;
        Tensor sum;
        try
        {
            sum = SumLosses(model, optimizer, batches, options, labels / lossScale, ranks, stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            optimizer.ZeroGrad();
            return null;
        }
        // The only synchronization with the device in a step.
        (double summed, double scaledNorm) = ranks?.Sum(sum) ?? Read(sum, optimizer);
        double loss = summed / labels, norm = scaledNorm / lossScale;
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
            ranks?.GatherWeights();
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
        return new StepMetrics(batches.Step, loss, learningRate, norm, tokens, tokens / clock.Elapsed.TotalSeconds, batches.Epoch,
            DisposeScopeManager.Statistics.ThreadTotalLiveCount)
        {
            Skipped = fault ?? overflow,
            LossScale = scaler is null ? null : lossScale,
        };
    }

    private static (double Loss, double Norm) Read(Tensor sum, Optimizer optimizer) =>
        stack([sum, optimizer.GradientNorm().to(ScalarType.Float64)]).cpu().data<double>().ToArray() is [var loss, var norm]
            ? (loss, norm) : default;

    /// <summary>Forward and backward of every micro-batch; the gradients are added to the parameters', those of all ranks too.</summary>
    /// <returns>the summed loss of this rank's micro-batches, float64, 0-dim</returns>
    private static Tensor SumLosses(CausalLM model, Optimizer optimizer, StepBatches batches, TrainOptions options, double divisor,
        DataParallel? ranks, CancellationToken stop)
    {
        Tensor sum = zeros([], ScalarType.Float64, model.Device);
        for (int i = 0; i < batches.MicroBatches.Count; i++)
        {
            (HostBatch micro, long place) = batches.MicroBatches[i];
            bool isLast = i == batches.MicroBatches.Count - 1;
            using var microScope = NewDisposeScope();
            using Batch batch = micro.ToDevice(model.Device);
            using IDisposable dropout = model.Dropout.ForMicroBatch(place);
            sum.add_(CausalLoss.Backward(
                model, batch, divisor, options.RecomputeEvery, logitsPerChunk: null, ranks?.OnBackward(isLast), stop));
            ranks?.CompleteMicroBatch(isLast);
            if (batches.MicroBatches.Count > 1)
            {
                optimizer.AccumulateGradients();
            }
        }
        return sum;
    }
}
