namespace Skipwise.Reproduction;

/// <summary>For work that is no measurement of a variant.</summary>
internal sealed partial class ReproductionContext
{
    /// <summary>Stops a run.</summary>
    public CancellationToken Stop => _stop;

    /// <summary>Does some work, told to the progress and with its time written down.</summary>
    /// <exception cref="OperationCanceledException">stopped before it</exception>
    public T TimedWork<T>(string what, Func<T> work)
    {
        _stop.ThrowIfCancellationRequested();
        _progress.Stage?.Report($"measuring {what}");
        return _times.Measure(what, work);
    }
}
