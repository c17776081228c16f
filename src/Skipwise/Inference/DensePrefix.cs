using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>A text in one row of a <see cref="KvCache"/>. It grows by slightly more than necessary, because prompts of one evaluation
/// differ by a few tokens.</summary>
internal sealed class DensePrefix(CausalLM model) : IPrefixMemory
{
    private KvCache? _cache;

    /// <summary>The text; empty before <see cref="Crop"/>.</summary>
    public KvCache Cache => _cache ?? throw new InvalidOperationException("There is no room yet.");

    /// <inheritdoc/>
    public void Crop(int length, int capacity)
    {
        _cache?.Crop(length);
        if (_cache is null || _cache.Capacity < capacity)
        {
            KvCache? small = _cache;
            _cache = new KvCache(model.Config, 1, capacity + capacity / 16, model.Dtype, model.Device);
            if (small is not null)
            {
                _cache.CopyRow(small, 0, 0);
                small.Dispose();
            }
        }
    }

    /// <inheritdoc/>
    public void Read(int[] tokens, int sequenceLength, int? chunk, Action<int, Tensor> visit, CancellationToken cancel) =>
        Prefill.Run(model, TokenTensor.Create(model, [tokens]), Cache.NextPositions(tokens.Length), Cache, sequenceLength, chunk, visit,
            cancel);

    /// <inheritdoc/>
    public void CopyTo(KvCache rows, int row) => rows.CopyRow(Cache, 0, row);

    public void Dispose() => _cache?.Dispose();
}
