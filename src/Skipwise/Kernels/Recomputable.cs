using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Kernels;

/// <summary>
/// A tensor that costs little to compute: a norm, a gated activation. Products with it save what it was computed from, which the graph
/// holds anyway, and compute it again in their backward (selective recomputation, Korthikanti et al. 2022).
/// </summary>
internal sealed class Recomputable
{
    private readonly Func<IReadOnlyList<Tensor>, Tensor>? _compute;
    private readonly KernelSet _kernels; // of the forward
    private Tensor? _again;
    private int _readers;

    /// <summary>Computes a tensor.</summary>
    /// <param name="compute">computes the value from tensors without gradients, too; the result is in the caller's scope</param>
    /// <param name="sources">what the value is computed from</param>
    public Recomputable(Func<IReadOnlyList<Tensor>, Tensor> compute, params IReadOnlyList<Tensor> sources) =>
        (_compute, _kernels, Value, Sources) = (compute, KernelSet.For(sources[0]), compute(sources), sources);

    /// <summary>A tensor that is saved: nobody knows how to compute it again.</summary>
    public Recomputable(Tensor value) => (_kernels, Value, Sources) = (KernelSet.For(value), value, []);

    /// <summary>Whether it can be computed again.</summary>
    public bool IsRecomputed => _compute is not null;

    /// <summary>The tensor, with its graph. It belongs to the scope that it was computed in.</summary>
    public Tensor Value { get; }

    /// <summary>What the value was computed from.</summary>
    public IReadOnlyList<Tensor> Sources { get; }

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
        using IDisposable sameKernels = KernelSet.Use(_kernels);
        _again ??= _compute!(saved).DetachFromDisposeScope();
        bool isRead = false;
        try
        {
            read(_again);
            isRead = true;
        }
        finally
        {
            if (--_readers <= 0 || !isRead) // below 0 in a second backward of a graph that was kept
            {
                _again.Dispose();
                _again = null;
            }
        }
    }
}
