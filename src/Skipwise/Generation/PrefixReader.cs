using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Generation;

/// <summary>
/// Reads prompts that begin alike, and reads what they have in common once. The keys and values of the last prompt are kept; the
/// next one is read from the token where the two part.
/// </summary>
/// <remarks>
/// In lexicographic order the neighbour shares the longest prefix of all that came before, so one kept prompt reads exactly the
/// tokens of the tree that the prompts form. Prompts are read one by one: worth it where prompts are long, which fill a forward alone.
/// </remarks>
public sealed class PrefixReader(CausalLM model) : IDisposable
{
    // B batch, C hidden
    private KvCache? _last; // one row
    private int[] _lastPrompt = [];
    private int _lastSequenceLength;

    /// <summary>tokens that went through the model so far</summary>
    public long TokensRead { get; private set; }

    /// <summary>Reads prompts of equal length into an empty cache of as many rows.</summary>
    /// <param name="prompts">B rows of token ids</param>
    /// <param name="cache">receives the keys and values of row i in its row i</param>
    /// <param name="sequenceLength">as in <see cref="Prefill.Read"/>; where the rotation depends on it, only sequences of one length share</param>
    /// <param name="chunk">tokens per forward</param>
    /// <returns>the hidden states of the last tokens [B, C]</returns>
    public Tensor Read(IReadOnlyList<int[]> prompts, KvCache cache, int sequenceLength, int chunk = Prefill.DefaultChunk, CancellationToken cancel = default)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor hidden = empty([prompts.Count, model.Config.HiddenSize], model.Dtype, model.Device);
        foreach (int row in Enumerable.Range(0, prompts.Count).OrderBy(row => prompts[row], TokenOrder.Instance))
        {
            Read(prompts[row], hidden.select(0, row), sequenceLength, chunk, cancel);
            cache.CopyRow(_last!, row);
        }
        return hidden.MoveToOuterDisposeScope();
    }

    /// <param name="hidden">[C], receives the last token's</param>
    private void Read(int[] prompt, Tensor hidden, int sequenceLength, int chunk, CancellationToken cancel)
    {
        bool mayShare = sequenceLength == _lastSequenceLength || !model.RotationDependsOnLength;
        // The last token is always read: its hidden state is not kept.
        int shared = mayShare ? Math.Min(_lastPrompt.AsSpan().CommonPrefixLength(prompt), prompt.Length - 1) : 0;
        if (_last is null || _last.Capacity < prompt.Length)
        {
            _last?.Dispose();
            _last = new KvCache(model.Config, 1, prompt.Length, model.Dtype, model.Device);
            shared = 0;
        }
        _lastPrompt = []; // what is cancelled or fails half-way is not shared
        _last.Rewind(shared);
        using var scope = NewDisposeScope();
        int count = prompt.Length - shared;
        Tensor ids = TokenTensor.From(model, [prompt[shared..]]);
        Prefill.Read(model, ids, Prefill.Positions(shared, count, model.Device), _last, sequenceLength, chunk, (offset, states) =>
        {
            if (offset + states.size(1) == count)
            {
                hidden.copy_(states[0, -1]);
            }
        }, cancel);
        (_lastPrompt, _lastSequenceLength) = (prompt, sequenceLength);
        TokensRead += count;
    }

    public void Dispose() => _last?.Dispose();
}
