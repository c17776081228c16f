using Skipwise.Data;

namespace Skipwise.Training;

/// <summary>What one optimizer step trains on, as plain numbers.</summary>
/// <param name="Step">1 for the first</param>
/// <param name="MicroBatches">one after the other, a forward and backward each</param>
/// <param name="FirstExample">examples taken before this step</param>
/// <param name="Epoch">passes over the data after it, with fraction</param>
internal sealed record StepBatches(int Step, IReadOnlyList<HostBatch> MicroBatches, long FirstExample, double Epoch)
{
    /// <summary>labels of the whole step, so that every one weighs the same</summary>
    public long LabelCount => MicroBatches.Sum(micro => (long)micro.LabelCount);

    /// <summary>The steps of a run that are still to be taken.</summary>
    public static IEnumerable<StepBatches> Enumerate(IExampleSource source, TrainOptions options, TrainProgress start)
    {
        var cursor = new ExampleCursor(source, start.ExamplesTaken);
        for (int step = start.Step + 1; step <= options.Steps; step++)
        {
            long place = cursor.ExamplesTaken;
            TrainingExample[] examples = cursor.Take(options.BatchSize * options.GradientAccumulationSteps);
            yield return new(step,
                [.. examples.Chunk(options.BatchSize).Select(micro => options.Packing ? HostBatch.Packed(micro) : HostBatch.Padded(micro))],
                place, cursor.Epoch);
        }
    }
}
