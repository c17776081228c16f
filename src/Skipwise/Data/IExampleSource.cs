namespace Skipwise.Data;

/// <summary>Examples as a pure function of where they stand: the same (epoch, index) gives the same example on every run and every machine.</summary>
public interface IExampleSource
{
    /// <summary>examples in one epoch</summary>
    int Count { get; }

    TrainingExample this[int epoch, int index] { get; }
}
