namespace Skipwise.Data;

/// <summary>
/// Iterates over a source epoch after epoch. Its only state is the number of examples taken, which a resumed run sets.
/// </summary>
public sealed class ExampleCursor(IExampleSource source, long taken = 0)
{
    /// <summary>number of examples taken since the beginning of the first epoch</summary>
    public long ExamplesTaken { get; private set; } = taken;

    /// <summary>number of epochs so far, fractional</summary>
    public double Epoch => (double)ExamplesTaken / source.Count;

    /// <summary>Leaves out the next examples, which others take.</summary>
    internal void Skip(int count) => ExamplesTaken += count;

    /// <summary>The next examples. Continues with the next epoch at the end of one.</summary>
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
