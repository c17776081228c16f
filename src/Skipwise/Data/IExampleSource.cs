namespace Skipwise.Data;

/// <summary>A source of examples as a pure function of (epoch, index): the same on every run and every machine.</summary>
public interface IExampleSource
{
    /// <summary>number of examples in one epoch</summary>
    int Count { get; }

    /// <summary>The example of an epoch.</summary>
    /// <param name="epoch">from 0</param>
    /// <param name="index">0..<see cref="Count"/> - 1</param>
    TrainingExample this[int epoch, int index] { get; }
}
