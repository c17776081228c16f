using Skipwise.Runtime;

namespace Skipwise.Benchmarks.Peer;

/// <summary>How the reference program's process starts.</summary>
internal static class PeerRuntime
{
    /// <summary>No change that PyTorch would not make, but one: without it TorchSharp reads numbers that are freed already.</summary>
    public static TorchRuntimeOptions Options { get; } = new() { DelayScalarFrees = true };
}
