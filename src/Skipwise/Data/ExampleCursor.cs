namespace Skipwise.Data;

/// <summary>
/// Walks a source epoch after epoch, in groups. The number of examples taken so far is its whole state: resuming is setting it.
/// </summary>
public sealed class ExampleCursor(IExampleSource source, long taken = 0)
{
    /// <summary>examples taken since the first epoch's first</summary>
    public long ExamplesTaken { get; private set; } = taken;

    /// <summary>passes over the source so far, with fraction</summary>
    public double Epoch => (double)ExamplesTaken / source.Count;

    /// <summary>The next examples; runs on into the next epoch at the end of one.</summary>
    public TrainingExample[] Take(int count)
    {
        var examples = new TrainingExample[count];
        for (int i = 0; i < count; i++, ExamplesTaken++)
        {
            examples[i] = source[checked((int)(ExamplesTaken / source.Count)), (int)(ExamplesTaken % source.Count)];
        }
        return examples;
    }
}
