using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>One forward of one token for each of several texts. A row's result does not depend on the others, to the last bit.</summary>
internal interface IDecodeStep : IDisposable
{
    /// <summary>Whether it fills <see cref="DecodeRow.Attention"/>.</summary>
    bool RecordsAttention { get; }

    /// <summary>Computes the logits of the texts' next tokens, and stores the keys and values of these; the caller then advances the
    /// texts.</summary>
    /// <param name="rows">B texts</param>
    /// <returns>float32 [B, V], valid until the next step</returns>
    Tensor Run(ReadOnlySpan<DecodeRow> rows);
}
