using Skipwise.Models;

namespace Skipwise.Benchmarks;

/// <summary>A case that is ready to run.</summary>
/// <param name="Step">one step, or one pass</param>
/// <param name="Tokens">of a step</param>
/// <param name="Flops">of a step</param>
/// <param name="Rows">of the products that the step is compared with</param>
/// <param name="Owned">disposed from the last to the first</param>
internal sealed record BenchWork(Action Step, long Tokens, double Flops, DecoderConfig Model, long Rows, IReadOnlyList<IDisposable> Owned)
    : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (IDisposable one in Owned.Reverse())
        {
            one.Dispose();
        }
    }
}
