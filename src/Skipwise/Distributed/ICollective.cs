using static TorchSharp.torch;

namespace Skipwise.Distributed;

/// <summary>
/// The processes (ranks) that work on one job, and the operations in which all of them take part. Every rank calls the same operations in
/// the same order, with tensors of the same shapes and types. One thread at a time may call.
/// </summary>
/// <remarks>
/// A failed operation throws a <see cref="SkipwiseException"/> when it is waited for. The job cannot go on then: call <see cref="Abort"/>,
/// for the other ranks may wait forever.
/// </remarks>
public interface ICollective : IDisposable
{
    /// <summary>number of this process, from 0</summary>
    int Rank { get; }

    /// <summary>number of processes</summary>
    int Size { get; }

    /// <summary>number of this process among those on its host, from 0</summary>
    int LocalRank { get; }

    /// <summary>number of processes on this host</summary>
    int LocalSize { get; }

    /// <summary>What moves the data, for people: its name and version.</summary>
    string Description { get; }

    /// <summary>Why no operation can succeed any more, as far as is known; null while all is well.</summary>
    internal Exception? Failure => null;

    /// <summary>Copies a tensor of rank <paramref name="root"/> into those of all others.</summary>
    /// <param name="tensor">contiguous, of any type</param>
    /// <param name="root">the rank that has the values</param>
    ICollectiveHandle BroadcastAsync(Tensor tensor, int root = 0);

    /// <summary>Replaces a tensor by the sum of those of all ranks. All ranks get the same bits.</summary>
    /// <param name="tensor">contiguous, float32, float64 or int64</param>
    ICollectiveHandle AllReduceAsync(Tensor tensor);

    /// <summary>Adds up the tensors of all ranks; each rank gets one part of the sum.</summary>
    /// <param name="input">contiguous, float32, float64 or int64, [size * n]; its values are undefined afterwards</param>
    /// <param name="output">contiguous, [n]: elements rank * n to (rank + 1) * n of the sum</param>
    ICollectiveHandle ReduceScatterAsync(Tensor input, Tensor output);

    /// <summary>Puts the tensors of all ranks one after the other.</summary>
    /// <param name="input">contiguous, of any type, [n]; may be part rank of the output</param>
    /// <param name="output">contiguous, [size * n]</param>
    ICollectiveHandle AllGatherAsync(Tensor input, Tensor output);

    /// <summary>Ends when all ranks have begun it.</summary>
    ICollectiveHandle BarrierAsync();

    /// <summary>Ends the processes of all ranks at once.</summary>
    /// <param name="exitCode">of the job</param>
    void Abort(int exitCode);
}
