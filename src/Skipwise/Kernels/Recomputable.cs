using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// A tensor that costs little to compute: a norm, a gated activation. Products with it save what it was computed from, which the graph
/// holds anyway, and compute it again in their backward (selective recomputation, Korthikanti et al. 2022).
/// </summary>
/// <param name="compute">computes the value from tensors without gradients; the result is in the caller's scope</param>
/// <param name="sources">what the value was computed from</param>
internal sealed class Recomputable(Func<IReadOnlyList<Tensor>, Tensor> compute, params IReadOnlyList<Tensor> sources)
{
    private Tensor? _again;
    private int _readers;

    /// <summary>The tensor, with its graph. It belongs to the scope that this object was created in.</summary>
    public Tensor Value { get; } = compute(sources);

    /// <summary>What the value was computed from.</summary>
    public IReadOnlyList<Tensor> Sources { get; } = sources;

    /// <summary>Whether anything that the value was computed from is trained.</summary>
    public bool RequiresGrad { get; private set; }

    /// <summary>Announces a backward that will read the value once.</summary>
    public void AddReader() => (RequiresGrad, _readers) = (Value.requires_grad, _readers + 1);

    /// <summary>Hands the recomputed value to a reader. It is computed for the first one and freed after the last.</summary>
    /// <param name="saved"><see cref="Sources"/>, from the graph</param>
    /// <param name="read">uses the value</param>
    public void Read(IReadOnlyList<Tensor> saved, Action<Tensor> read)
    {
        using IDisposable noGradient = no_grad();
        _again ??= compute(saved).DetachFromDisposeScope();
        read(_again);
        if (--_readers <= 0) // below 0 in a second backward of a graph that was kept
        {
            _again.Dispose();
            _again = null;
        }
    }
}
