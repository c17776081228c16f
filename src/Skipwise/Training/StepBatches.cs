using Skipwise.Data;

namespace Skipwise.Training;

/// <summary>Input of one optimizer step of one rank, in host memory.</summary>
/// <param name="Step">counted from 1</param>
/// <param name="MicroBatches">
/// in order, one forward and backward each, with the number of examples consumed before it by all ranks
/// </param>
/// <param name="Epoch">epochs after this step, with fraction</param>
internal sealed record StepBatches(int Step, IReadOnlyList<(HostBatch Batch, long Place)> MicroBatches, double Epoch)
{
    /// <summary>labelled tokens of the rank's part of the step</summary>
    public long LabelCount => MicroBatches.Sum(micro => (long)micro.Batch.LabelCount);

    /// <summary>tokens of the rank's part of the step</summary>
    public long Tokens => MicroBatches.Sum(micro => micro.Batch.Tokens);

    /// <summary>
    /// The remaining steps of a run. Every number of ranks sees the same micro-batches in the same steps: rank r of n takes those of number
    /// r, r + n, r + 2 n, ...
    /// </summary>
    /// <param name="options">of all ranks together (<see cref="TrainOptions.ForRanks"/>)</param>
    /// <exception cref="OperationCanceledException">before a micro-batch</exception>
    public static IEnumerable<StepBatches> Enumerate(IExampleSource source, TrainOptions options, TrainProgress start, int rank = 0,
        int ranks = 1, CancellationToken stop = default)
    {
        var cursor = new ExampleCursor(source, start.ExamplesTaken);
        for (int step = start.Step + 1; step <= options.Steps; step++)
        {
            var micros = new List<(HostBatch, long)>();
            for (int micro = 0; micro < options.GradientAccumulationSteps; micro++)
            {
                stop.ThrowIfCancellationRequested();
                if (micro % ranks == rank)
                {
                    long place = cursor.ExamplesTaken;
                    TrainingExample[] examples = cursor.Take(options.BatchSize);
                    micros.Add((options.Packing ? HostBatch.Packed(examples) : HostBatch.Padded(examples), place));
                }
                else
                {
                    cursor.Skip(options.BatchSize);
                }
            }
            yield return new(step, micros, cursor.Epoch);
        }
    }
}
