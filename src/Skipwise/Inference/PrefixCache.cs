using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Prefills prompts and computes common prefixes once. It keeps the keys and values of the last prompt, the cached prefix; the next prompt
/// is processed from the token where the two differ.
/// </summary>
/// <remarks>
/// Long prompts fill a forward alone and are processed one by one. In lexicographic order the previous prompt has the longest common
/// prefix of all earlier ones, so one cached prompt suffices to process each token of the prompts' prefix tree once. Short prompts are
/// batched: their common prefix in the cached prefix, the rest as the rows of one forward. Equal prompts are processed once.
/// </remarks>
/// <param name="together">prompts of fewer tokens are batched; null: those that leave a forward half empty</param>
public sealed class PrefixCache(CausalLM model, int? together = null) : IDisposable
{
    // B batch, C hidden
    private KvCache? _prefix; // one row
    private KvCache? _batch; // the prompts of a batch side by side
    private int[] _lastPrompt = []; // tokens of the cached prefix
    private int _lastSequenceLength;
    private int[] _lastParts = []; // where the prefills of the cached prefix ended
    private Tensor? _lastState; // of its last token, if it is kept
    private Queue<int[]>? _splits; // null: without a plan

    /// <summary>number of tokens processed by the model so far</summary>
    public long TokensProcessed { get; private set; }

    /// <summary>Plans batches, so that what is computed of them does not depend on those before: see <see cref="PrefixPlan"/>.</summary>
    internal PrefixPlan Plan(IEnumerable<IReadOnlyList<int[]>> batches) => new(
    [
        .. batches.Select(prompts =>
        {
            List<List<int>> distinct = Distinct(prompts);
            if (IsOneByOne(prompts, distinct))
            {
                return ([.. distinct.Select(rows => prompts[rows[0]])], 0L);
            }
            int common = Common(prompts, distinct);
            return ((IReadOnlyList<int[]>)(common > 0 ? [prompts[distinct[0][0]][..common]] : []),
                (long)distinct.Count * (prompts[0].Length - common));
        }),
    ]);

    /// <summary>Tells where the prefixes of the next batch are split, if all batches are planned.</summary>
    /// <param name="splits">from <see cref="PrefixPlan.SplitsOf"/></param>
    internal void Expect(IEnumerable<int[]> splits) => _splits = new(splits);

    /// <summary>Prefills prompts of equal length.</summary>
    /// <param name="prompts">B rows of token ids</param>
    /// <param name="sequenceLength">
    /// sequence length for scalings that depend on it: the prompt's, or with the tokens after it; prefixes are shared only between equal
    /// rotations
    /// </param>
    /// <param name="chunk">tokens per forward</param>
    /// <param name="capacity">
    /// least capacity of the cache in tokens: the prompt and its continuation; null: <paramref name="sequenceLength"/>
    /// </param>
    /// <returns>
    /// a cache of the prompts, row i in its row i, which this object owns and which is valid until the next call; and the hidden states of
    /// the last tokens [B, C]
    /// </returns>
    public (IKvCache Cache, Tensor Last) Fill(
        IReadOnlyList<int[]> prompts, int sequenceLength, int? chunk = null, int? capacity = null, CancellationToken cancel = default)
    {
        int cacheTokens = capacity ?? sequenceLength;
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        _batch?.Dispose();
        _batch = prompts.Count == 1 ? null : new KvCache(model.Config, prompts.Count, cacheTokens, model.Dtype, model.Device);
        Tensor last = empty([prompts.Count, model.Config.HiddenSize], model.Dtype, model.Device);
        List<List<int>> distinct = Distinct(prompts);
        if (IsOneByOne(prompts, distinct))
        {
            foreach (List<int> rows in distinct)
            {
                PrefillPrefix(prompts[rows[0]], state => rows.ForEach(row => last[row].copy_(state)), sequenceLength, cacheTokens, chunk,
                    cancel);
                CopyToBatch(_prefix!, 0, rows);
            }
        }
        else
        {
            PrefillBatch(prompts, distinct, last, sequenceLength, cacheTokens, chunk, cancel);
        }
        // A single prompt continues in the cached prefix, so that a long one exists once.
        return (_batch ?? _prefix!, last.MoveToOuterDisposeScope());
    }

    /// <summary>The rows of each prompt, in the prompts' order.</summary>
    internal static List<List<int>> Distinct(IReadOnlyList<int[]> prompts)
    {
        var distinct = new List<List<int>>();
        foreach (int row in Enumerable.Range(0, prompts.Count).OrderBy(row => prompts[row], TokenSequenceComparer.Instance))
        {
            if (distinct.Count > 0 && prompts[distinct[^1][0]].AsSpan().SequenceEqual(prompts[row]))
            {
                distinct[^1].Add(row);
            }
            else
            {
                distinct.Add([row]);
            }
        }
        return distinct;
    }

    private bool IsOneByOne(IReadOnlyList<int[]> prompts, List<List<int>> distinct) =>
        distinct.Count == 1 || prompts[0].Length >= (together ?? model.Budget.PrefillTokens);

    /// <summary>Tokens of the prompts' common prefix; 0 if a separate forward would cost more than it saves.</summary>
    private static int Common(IReadOnlyList<int[]> prompts, List<List<int>> distinct)
    {
        int[] first = prompts[distinct[0][0]];
        // The first and the last in lexicographic order differ earliest.
        int common = first.AsSpan().CommonPrefixLength(prompts[distinct[^1][0]]);
        return 4 * common < first.Length ? 0 : common;
    }

    /// <param name="last">[B, C], receives the last tokens' hidden states</param>
    private void PrefillBatch(
        IReadOnlyList<int[]> prompts, List<List<int>> distinct, Tensor last, int sequenceLength, int capacity, int? chunk,
        CancellationToken cancel)
    {
        int[] first = prompts[distinct[0][0]];
        int common = Common(prompts, distinct);
        if (common > 0)
        {
            PrefillPrefix(first[..common], visitLast: null, sequenceLength, capacity, chunk, cancel);
        }
        int count = first.Length - common;
        foreach (List<int>[] group in distinct.Chunk(Math.Max(1, model.Budget.ForwardTokens / 2 / count)))
        {
            using var scope = NewDisposeScope();
            using var read = new KvCache(model.Config, group.Length, first.Length, model.Dtype, model.Device);
            for (int i = 0; common > 0 && i < group.Length; i++)
            {
                read.CopyRow(_prefix!, 0, i);
            }
            Tensor ids = TokenTensor.Create(model, [.. group.Select(rows => prompts[rows[0]][common..])]);
            Prefill.Run(model, ids, read.NextPositions(count), read, sequenceLength, chunk, (offset, states) =>
            {
                for (int i = 0; offset + states.size(1) == count && i < group.Length; i++)
                {
                    group[i].ForEach(row => last[row].copy_(states[i, -1]));
                }
            }, cancel);
            TokensProcessed += (long)group.Length * count;
            for (int i = 0; i < group.Length; i++)
            {
                CopyToBatch(read, i, group[i]);
            }
        }
    }

    private void CopyToBatch(KvCache read, int from, List<int> rows) => rows.ForEach(row => _batch?.CopyRow(read, from, row));

    /// <summary>Fills the cached prefix with these tokens.</summary>
    /// <param name="visitLast">receives the last token's hidden state [C]; null if it is not needed</param>
    private void PrefillPrefix(int[] tokens, Action<Tensor>? visitLast, int sequenceLength, int capacity, int? chunk,
        CancellationToken cancel)
    {
        bool mayShare = model.HaveSameRotation(sequenceLength, _lastSequenceLength);
        int common = mayShare ? _lastPrompt.AsSpan().CommonPrefixLength(tokens) : 0;
        int[]? splits = _splits is null ? null : _splits.TryDequeue(out int[]? planned) ? planned : [];
        int[] parts = [.. splits ?? [], tokens.Length];
        // Hidden states are not cached, except the last one if batches are planned: a last token whose state is needed is processed.
        Tensor? state = visitLast is not null && common == tokens.Length && common == _lastPrompt.Length ? _lastState : null;
        int most = visitLast is null || state is not null ? tokens.Length : tokens.Length - 1;
        int shared = splits is null ? Math.Min(common, most) : SharedParts(parts, Math.Min(common, most));
        if (shared < tokens.Length || visitLast is null)
        {
            ForgetState();
        }
        (_lastPrompt, _lastParts) = ([], []); // a cancelled or failed prefill is not reused
        KvCache prefix = EnsureCapacity(capacity, shared);
        int done = shared;
        foreach (int end in parts.Where(end => end > shared))
        {
            using var scope = NewDisposeScope();
            int count = end - done;
            Prefill.Run(model, TokenTensor.Create(model, [tokens[done..end]]), prefix.NextPositions(count), prefix,
                sequenceLength, chunk, (offset, states) =>
            {
                if (visitLast is not null && end == tokens.Length && offset + states.size(1) == count)
                {
                    visitLast(states[0, -1]);
                    _lastState = splits is null ? null : states[0, -1].clone().DetachFromDisposeScope();
                }
            }, cancel);
            done = end;
        }
        if (shared == tokens.Length && state is not null)
        {
            visitLast!(state);
        }
        (_lastPrompt, _lastParts, _lastSequenceLength) = (tokens, parts, sequenceLength);
        TokensProcessed += tokens.Length - shared;
    }

    /// <summary>The tokens of the cached prefix that were prefilled in the same parts.</summary>
    /// <param name="most">tokens that may be shared</param>
    private int SharedParts(int[] parts, int most)
    {
        int same = parts.Zip(_lastParts).TakeWhile(pair => pair.First == pair.Second && pair.First <= most).Count();
        return same > 0 ? parts[same - 1] : 0;
    }

    private void ForgetState()
    {
        _lastState?.Dispose();
        _lastState = null;
    }

    /// <summary>The cached prefix, truncated to the shared tokens and with enough capacity. Grows by slightly more than necessary, because
    /// prompts of one evaluation differ by a few tokens.</summary>
    private KvCache EnsureCapacity(int length, int shared)
    {
        _prefix?.Crop(shared);
        if (_prefix is null || _prefix.Capacity < length)
        {
            KvCache? small = _prefix;
            _prefix = new KvCache(model.Config, 1, length + length / 16, model.Dtype, model.Device);
            if (small is not null)
            {
                _prefix.CopyRow(small, 0, 0);
                small.Dispose();
            }
        }
        return _prefix;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ForgetState();
        _batch?.Dispose();
        _prefix?.Dispose();
    }
}
