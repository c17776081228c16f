using Skipwise.Data;

namespace Skipwise.Training;

/// <summary>Input of one optimizer step, in host memory.</summary>
/// <param name="Step">counted from 1</param>
/// <param name="MicroBatches">in order, one forward and backward each</param>
/// <param name="FirstExample">examples consumed before this step</param>
/// <param name="Epoch">epochs after this step, with fraction</param>
internal sealed record StepBatches(int Step, IReadOnlyList<HostBatch> MicroBatches, long FirstExample, double Epoch)
{
    /// <summary>labelled tokens of the whole step, so that every one weighs the same</summary>
    public long LabelCount => MicroBatches.Sum(micro => (long)micro.LabelCount);

    /// <summary>The remaining steps of a run.</summary>
    /// <exception cref="OperationCanceledException">before a micro-batch</exception>
    public static IEnumerable<StepBatches> Enumerate(
        IExampleSource source, TrainOptions options, TrainProgress start, CancellationToken stop = default)
    {
        var cursor = new ExampleCursor(source, start.ExamplesTaken);
        for (int step = start.Step + 1; step <= options.Steps; step++)
        {
            long place = cursor.ExamplesTaken;
            HostBatch[] micros = [.. Enumerable.Range(0, options.GradientAccumulationSteps).Select(_ => Next())];
            yield return new(step, micros, place, cursor.Epoch);
        }

        HostBatch Next()
        {
            stop.ThrowIfCancellationRequested();
            TrainingExample[] examples = cursor.Take(options.BatchSize);
            return options.Packing ? HostBatch.Packed(examples) : HostBatch.Padded(examples);
        }
    }
}
