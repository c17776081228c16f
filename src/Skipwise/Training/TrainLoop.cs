using System.Diagnostics;
using System.Text.Json.Serialization;
using Skipwise.Data;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Training;

/// <summary>Where a run stands; with the weights and the optimizer's state it is all that resuming needs.</summary>
/// <param name="Step">optimizer steps done</param>
/// <param name="ExamplesTaken">examples consumed</param>
public sealed record TrainProgress(int Step, long ExamplesTaken)
{
    /// <summary>what the guard against bad steps remembers</summary>
    public GuardState Guard { get; init; } = new();
    /// <summary>what the loss scaler remembers</summary>
    public LossScalerState Scaler { get; init; } = new();

    /// <summary>lines of metrics.jsonl that belong to the steps so far, and of evaluations.jsonl; null where nobody counted</summary>
    public int? LoggedSteps { get; init; }
    public int? LoggedMeasurements { get; init; }

    /// <summary>steps that were taken, not skipped</summary>
    [JsonIgnore]
    public int Updates => Step - Guard.Skipped - Scaler.Overflows;

    /// <summary>Whether a run can have got there: a file may hold anything.</summary>
    [JsonIgnore]
    public bool IsPossible => Step >= 0 && ExamplesTaken >= 0 && Guard.Skipped >= 0
        && Scaler is { Overflows: >= 0, Scale: >= LossScaler.Least, Patience: >= 1, Good: >= 0 }
        && (long)Guard.Skipped + Scaler.Overflows <= Step;
}

/// <summary>Training is a function: it takes what it needs and hands back one record per step. Stop by not asking for the next.</summary>
public static class TrainLoop
{
    private const int StepsAhead = 1; // of the device: their batches are ready when it is

    /// <param name="guard">skips steps that would harm; kept by callers who save its state; null makes one from the options</param>
    /// <param name="scaler">of a float16 model's loss; the same</param>
    /// <exception cref="SkipwiseException">too many bad steps in a row; the weights are those before them</exception>
    public static IEnumerable<StepMetrics> Run(
        CausalLM model, Optimizer optimizer, IExampleSource source, TrainOptions options, TrainProgress? start = null, StepGuard? guard = null, LossScaler? scaler = null)
    {
        options = options.For(source.Count);
        start ??= new TrainProgress(0, 0);
        LearningRateSchedule schedule = options.Schedule;
        guard ??= new StepGuard(options, start.Guard);
        scaler = model.Dtype == ScalarType.Float16 ? scaler ?? new LossScaler(start.Scaler) : null;
        foreach (StepBatches batches in Prefetch.Ahead(StepBatches.Of(source, options, start), StepsAhead))
        {
            yield return TakeStep(model, optimizer, batches, options, schedule.At(batches.Step), guard, scaler); // no dispose scope is open across a yield
            guard.RequireBearable(batches.Step, isLast: batches.Step == options.Steps); // after the step has been told, so that a log shows it
        }
    }

    /// <summary>The examples that <paramref name="steps"/> steps consume.</summary>
    public static long ExamplesAfter(int steps, TrainOptions options) => (long)steps * options.BatchSize * options.GradientAccumulation;

    private static StepMetrics TakeStep(CausalLM model, Optimizer optimizer, StepBatches batches, TrainOptions options, double learningRate, StepGuard guard, LossScaler? scaler)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        long labels = batches.Labels;
        if (labels == 0)
        {
            throw new SkipwiseException($"Step {batches.Step}: none of its examples has a label that counts. Give longer documents, or mask fewer labels.");
        }
        double lossScale = scaler?.State.Scale ?? 1;
        Tensor sum = zeros([], ScalarType.Float64, model.Device);
        long place = batches.Place;
        foreach (BatchArrays micro in batches.Micro)
        {
            using var microScope = NewDisposeScope();
            using Batch batch = micro.On(model.Device);
            using IDisposable dropout = model.Dropout.For(place);
            place += options.BatchSize;
            sum.add_(CausalLoss.Backward(model, batch, labels / lossScale, options.CheckpointEvery));
            if (batches.Micro.Count > 1)
            {
                optimizer.Gather();
            }
        }
        // The one time in a step that the host waits for the device.
        double[] read = stack([sum, optimizer.GradientNorm().to(ScalarType.Float64)]).cpu().data<double>().ToArray();
        double loss = read[0] / labels, norm = read[1] / lossScale;
        string? fault = guard.FaultOf(loss), overflow = null;
        if (fault is null && !double.IsFinite(norm))
        {
            overflow = scaler is { CanShrink: true } ? FormattableString.Invariant($"the gradient overflows float16 at a loss scale of {lossScale}") : null;
            fault = overflow is null ? FormattableString.Invariant($"the loss is {loss} and the gradient norm {norm}") : null;
        }
        if ((fault ?? overflow) is null)
        {
            optimizer.Update(learningRate, Optimizer.Clip(norm, options.MaxGradNorm) / lossScale);
        }
        else
        {
            optimizer.Forget();
        }
        guard.Note(loss, fault);
        if (fault is null)
        {
            scaler?.Note(overflow is not null);
        }
        long tokens = batches.Micro.Sum(micro => micro.Tokens);
        return new StepMetrics(batches.Step, loss, learningRate, norm, tokens, tokens / clock.Elapsed.TotalSeconds, batches.Epoch, DisposeScopeManager.Statistics.ThreadTotalLiveCount)
        {
            Skipped = fault ?? overflow,
            LossScale = scaler is null ? null : lossScale,
        };
    }
}
