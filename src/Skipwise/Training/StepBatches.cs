using Skipwise.Data;

namespace Skipwise.Training;

/// <summary>What one optimizer step trains on, as plain numbers.</summary>
/// <param name="Step">1 for the first</param>
/// <param name="Micro">one after the other, a forward and backward each</param>
/// <param name="Place">examples taken before this step</param>
/// <param name="Epoch">passes over the data after it, with fraction</param>
internal sealed record StepBatches(int Step, IReadOnlyList<BatchArrays> Micro, long Place, double Epoch)
{
    /// <summary>labels of the whole step, so that every one weighs the same</summary>
    public long Labels => Micro.Sum(micro => (long)micro.Labels);

    /// <summary>The steps of a run that are still to be taken.</summary>
    public static IEnumerable<StepBatches> Of(IExampleSource source, TrainOptions options, TrainProgress start)
    {
        var cursor = new ExampleCursor(source, start.ExamplesTaken);
        for (int step = start.Step + 1; step <= options.Steps; step++)
        {
            long place = cursor.Taken;
            TrainingExample[] examples = cursor.Take(options.BatchSize * options.GradientAccumulation);
            yield return new(step, [.. examples.Chunk(options.BatchSize).Select(micro => options.Packing ? BatchArrays.Packed(micro) : BatchArrays.Of(micro))], place, cursor.Epoch);
        }
    }
}
