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
    private KvCache? _trunk; // one row: the last prompt
    private KvCache? _batch; // the prompts of a batch side by side
    private int[] _lastPrompt = [];
    private int _lastSequenceLength;

    /// <summary>tokens that went through the model so far</summary>
    public long TokensRead { get; private set; }

    /// <summary>Reads prompts of equal length.</summary>
    /// <param name="prompts">B rows of token ids</param>
    /// <param name="sequenceLength">tokens of a prompt and of what will follow it; where the rotation depends on it, only sequences of one length share</param>
    /// <param name="chunk">tokens per forward</param>
    /// <returns>
    /// a cache that holds the prompts, row i in its row i, with room for what follows; it belongs to the reader and holds until the next
    /// call. And the hidden states of the last tokens [B, C]
    /// </returns>
    public (KvCache Cache, Tensor Last) Read(IReadOnlyList<int[]> prompts, int sequenceLength, int chunk = Prefill.DefaultChunk, CancellationToken cancel = default)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _batch?.Dispose();
        _batch = prompts.Count == 1 ? null : new KvCache(model.Config, prompts.Count, sequenceLength, model.Dtype, model.Device);
        Tensor last = empty([prompts.Count, model.Config.HiddenSize], model.Dtype, model.Device);
        foreach (int row in Enumerable.Range(0, prompts.Count).OrderBy(row => prompts[row], TokenOrder.Instance))
        {
            Read(prompts[row], last.select(0, row), sequenceLength, chunk, cancel);
            _batch?.CopyRow(_trunk!, row);
        }
        return (_batch ?? _trunk!, last.MoveToOuterDisposeScope()); // a single prompt goes on in the trunk: a long one exists once
    }

    /// <param name="last">[C], receives the last token's hidden state</param>
    private void Read(int[] prompt, Tensor last, int sequenceLength, int chunk, CancellationToken cancel)
    {
        bool mayShare = sequenceLength == _lastSequenceLength || !model.RotationDependsOnLength;
        // The last token is always read: its hidden state is not kept.
        int shared = mayShare ? Math.Min(_lastPrompt.AsSpan().CommonPrefixLength(prompt), prompt.Length - 1) : 0;
        _lastPrompt = []; // what is cancelled or fails half-way is not shared
        KvCache trunk = MakeRoom(sequenceLength, shared);
        using var scope = NewDisposeScope();
        int count = prompt.Length - shared;
        Prefill.Read(model, TokenTensor.From(model, [prompt[shared..]]), Prefill.Positions(shared, count, model.Device), trunk, sequenceLength, chunk, (offset, states) =>
        {
            if (offset + states.size(1) == count)
            {
                last.copy_(states[0, -1]);
            }
        }, cancel);
        (_lastPrompt, _lastSequenceLength) = (prompt, sequenceLength);
        TokensRead += count;
    }

    /// <summary>The trunk, rewound to what is shared and large enough. It grows by a little more than it has to: prompts of one test differ by a few tokens.</summary>
    private KvCache MakeRoom(int length, int shared)
    {
        _trunk?.Rewind(shared);
        if (_trunk is null || _trunk.Capacity < length)
        {
            KvCache? small = _trunk;
            _trunk = new KvCache(model.Config, 1, length + length / 16, model.Dtype, model.Device);
            if (small is not null)
            {
                _trunk.CopyRow(small, 0);
                small.Dispose();
            }
        }
        return _trunk;
    }

    public void Dispose()
    {
        _batch?.Dispose();
        _trunk?.Dispose();
    }
}
