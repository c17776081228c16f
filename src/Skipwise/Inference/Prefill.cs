using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Prefills tokens in chunks, so that memory is linear in the prompt's length. Generation uses the cache and the last hidden state;
/// scoring visits every hidden state.
/// </summary>
internal static class Prefill
{
    // B batch, T tokens, C hidden

    /// <summary>Processes the tokens that follow those of the cache, without gradients.</summary>
    /// <param name="inputIds">int64 [B, T]</param>
    /// <param name="positionIds">int64 [B, T], or [1, T] if all rows share their positions; see <see cref="Positions"/></param>
    /// <param name="cache">holds the keys and values of earlier tokens and receives the new ones; null: everything in one forward</param>
    /// <param name="sequenceLength">
    /// the largest position of the text + 1. Scalings that depend on the length (dynamic NTK, longrope) use this value in every chunk, so
    /// that chunks give the result of a single forward
    /// </param>
    /// <param name="chunk">tokens per forward; null: chosen by device</param>
    /// <param name="visit">called per chunk with its offset in <paramref name="inputIds"/> and its hidden states [B, chunk, C], which are
    /// valid only during the call</param>
    public static void Run(
        CausalLM model, Tensor inputIds, Tensor positionIds, IForwardCache? cache, int sequenceLength, int? chunk,
        Action<int, Tensor> visit, CancellationToken cancel = default)
    {
        int tokens = (int)inputIds.size(1), step = cache is null ? tokens : chunk ?? model.Budget.PrefillTokens;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(step, nameof(chunk));
        using var _ = no_grad();
        for (int offset = 0; offset < tokens; offset += step)
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            int count = Math.Min(step, tokens - offset);
            using Rotary rotary = model.RotaryFor(positionIds.narrow(1, offset, count), sequenceLength);
            visit(offset, model.HiddenStates(inputIds.narrow(1, offset, count), rotary, cache));
        }
    }

    /// <summary>The positions of an unpadded text: start, start + 1, ...</summary>
    /// <returns>int64 [1, count]</returns>
    public static Tensor Positions(int start, int count, Device device)
    {
        using var scope = NewDisposeScope();
        return arange(start, start + count, dtype: ScalarType.Int64, device: device).unsqueeze(0).MoveToOuterDisposeScope();
    }
}
