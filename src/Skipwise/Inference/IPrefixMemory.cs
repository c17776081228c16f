using Skipwise.Models;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>The keys and values of one text that is read again and again from another token on.</summary>
internal interface IPrefixMemory : IDisposable
{
    // C hidden, T tokens

    /// <summary>Drops the tokens from <paramref name="length"/> on, and makes room.</summary>
    /// <param name="capacity">tokens that follow at most, those that stay included</param>
    void Crop(int length, int capacity);

    /// <summary>Processes the tokens that come next.</summary>
    /// <inheritdoc cref="Prefill.Run"/>
    void Read(int[] tokens, int sequenceLength, int? chunk, Action<int, Tensor> visit, CancellationToken cancel);

    /// <summary>Copies the text to a row of a cache.</summary>
    void CopyTo(KvCache rows, int row);
}
