using System.Diagnostics;
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
}

/// <summary>Training is a function: it takes what it needs and hands back one record per step. Stop by not asking for the next.</summary>
public static class TrainLoop
{
    /// <param name="guard">skips steps that would harm; kept by callers who save its state; null makes one from the options</param>
    /// <exception cref="SkipwiseException">too many bad steps in a row; the weights are those before them</exception>
    public static IEnumerable<StepMetrics> Run(CausalLM model, FusedAdamW optimizer, IExampleSource source, TrainOptions options, TrainProgress? start = null, StepGuard? guard = null)
    {
        options = options.For(source.Count);
        start ??= new TrainProgress(0, 0);
        LearningRateSchedule schedule = options.Schedule;
        guard ??= new StepGuard(options, start.Guard);
        var cursor = new ExampleCursor(source, start.ExamplesTaken);
        for (int step = start.Step + 1; step <= options.Steps; step++)
        {
            yield return TakeStep(model, optimizer, cursor, options, step, schedule.At(step), guard); // no dispose scope is open across a yield
            guard.RequireBearable(step, isLast: step == options.Steps); // after the step has been told, so that a log shows it
        }
    }

    /// <summary>The examples that <paramref name="steps"/> steps consume.</summary>
    public static long ExamplesAfter(int steps, TrainOptions options) => (long)steps * options.BatchSize * options.GradientAccumulation;

    private static StepMetrics TakeStep(CausalLM model, FusedAdamW optimizer, ExampleCursor cursor, TrainOptions options, int step, double learningRate, StepGuard guard)
    {
        var clock = Stopwatch.StartNew();
        using var scope = NewDisposeScope();
        long place = cursor.Taken;
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
            using Batch batch = options.Packing ? Batch.Packed(micro, model.Device) : Batch.Of(micro, model.Device);
            using IDisposable dropout = model.Dropout.For(place);
            place += micro.Length;
            tokens += batch.Tokens;
            loss.add_(CausalLoss.Backward(model, batch, labels, options.CheckpointEvery));
        }
        double meanLoss = loss.ToDouble() / labels;
        string? fault = guard.FaultOf(meanLoss);
        double norm = double.NaN;
        if (fault is null)
        {
            norm = optimizer.Step(learningRate, options.MaxGradNorm);
            fault = double.IsFinite(norm) ? null : $"the loss is {meanLoss} and the gradient norm {norm}";
        }
        else
        {
            Forget(model);
        }
        guard.Note(meanLoss, fault);
        return new StepMetrics(step, meanLoss, learningRate, norm, tokens, tokens / clock.Elapsed.TotalSeconds, cursor.Epoch, DisposeScopeManager.Statistics.ThreadTotalLiveCount) { Skipped = fault };
    }

    /// <summary>Drops the gradients of a step that is not taken.</summary>
    private static void Forget(CausalLM model)
    {
        foreach (TorchSharp.Modules.Parameter parameter in model.parameters())
        {
            parameter.grad = null;
        }
    }
}
