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
public sealed class PrefixCache : IDisposable
{
    // B batch, C hidden
    private readonly CausalLM _model;
    private readonly int _together;
    private readonly IPrefixMemory _prefix;
    private KvCache? _batch; // the prompts of a batch side by side
    private int[] _lastPrompt = []; // tokens of the cached prefix
    private int _lastSequenceLength;
    private int[] _lastParts = []; // where the prefills of the cached prefix ended
    private Tensor? _lastState; // of its last token, if it is kept
    private Queue<int[]>? _splits; // null: without a plan

    /// <param name="model">that prompts are read with</param>
    /// <param name="together">prompts of fewer tokens are batched; null: those that leave a forward half empty</param>
    public PrefixCache(CausalLM model, int? together = null)
        : this(model, new DensePrefix(model), together)
    {
    }

    /// <param name="prefix">holds the cached prefix; disposed with this</param>
    /// <inheritdoc cref="PrefixCache(CausalLM, int?)"/>
    internal PrefixCache(CausalLM model, IPrefixMemory prefix, int? together = null) =>
        (_model, _prefix, _together) = (model, prefix, together ?? model.Budget.PrefillTokens);

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
        _batch?.Dispose();
        _batch = prompts.Count == 1 ? null : new KvCache(_model.Config, prompts.Count, cacheTokens, _model.Dtype, _model.Device);
        Tensor last = Read(prompts, sequenceLength, cacheTokens, chunk, (read, from, row) =>
        {
            if (_batch is not null && read is not null)
            {
                _batch.CopyRow(read, from, row);
            }
            else if (_batch is not null)
            {
                _prefix.CopyTo(_batch, row);
            }
        }, cancel);
        // A single prompt continues in the cached prefix, so that a long one exists once.
        return (_batch ?? ((DensePrefix)_prefix).Cache, last);
    }

    /// <summary>Prefills prompts of equal length whose keys and values then lie in pages, those of common prefixes once.</summary>
    /// <returns>a text per prompt, which is the caller's; and the hidden states of the last tokens [B, C]</returns>
    /// <inheritdoc cref="Fill"/>
    internal (KvText[] Texts, Tensor Last) FillPages(IReadOnlyList<int[]> prompts, int? chunk, CancellationToken cancel)
    {
        var texts = new KvText[prompts.Count];
        var pages = (PagedPrefix)_prefix;
        int length = prompts[0].Length;
        try
        {
            Tensor last = Read(prompts, length, length, chunk,
                (read, from, row) => texts[row] = read is null ? pages.Fork() : pages.Copy(read, from), cancel);
            return (texts, last);
        }
        catch
        {
            Array.ForEach(texts, text => text?.Release());
            throw;
        }
    }

    /// <param name="visit">called with what a prompt was read into, a cache and its row, or null for the cached prefix, and the prompt's
    /// index</param>
    /// <returns>hidden states of the last tokens [B, C]</returns>
    private Tensor Read(IReadOnlyList<int[]> prompts, int sequenceLength, int capacity, int? chunk, Action<KvCache?, int, int> visit,
        CancellationToken cancel)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        Tensor last = empty([prompts.Count, _model.Config.HiddenSize], _model.Dtype, _model.Device);
        List<List<int>> distinct = Distinct(prompts);
        if (IsOneByOne(prompts, distinct))
        {
            foreach (List<int> rows in distinct)
            {
                PrefillPrefix(prompts[rows[0]], state => rows.ForEach(row => last[row].copy_(state)), sequenceLength, capacity, chunk,
                    cancel);
                rows.ForEach(row => visit(null, 0, row));
            }
        }
        else
        {
            PrefillBatch(prompts, distinct, last, sequenceLength, capacity, chunk, visit, cancel);
        }
        return last.MoveToOuterDisposeScope();
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
        distinct.Count == 1 || prompts[0].Length >= _together;

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
        Action<KvCache?, int, int> visit, CancellationToken cancel)
    {
        int[] first = prompts[distinct[0][0]];
        int common = Common(prompts, distinct);
        if (common > 0)
        {
            PrefillPrefix(first[..common], visitLast: null, sequenceLength, capacity, chunk, cancel);
        }
        int count = first.Length - common;
        foreach (List<int>[] group in distinct.Chunk(Math.Max(1, _model.Budget.ForwardTokens / 2 / count)))
        {
            using var scope = NewDisposeScope();
            using var read = new KvCache(_model.Config, group.Length, first.Length, _model.Dtype, _model.Device);
            for (int i = 0; common > 0 && i < group.Length; i++)
            {
                _prefix.CopyTo(read, i);
            }
            Tensor ids = TokenTensor.Create(_model, [.. group.Select(rows => prompts[rows[0]][common..])]);
            Prefill.Run(_model, ids, read.NextPositions(count), read, sequenceLength, chunk, (offset, states) =>
            {
                for (int i = 0; offset + states.size(1) == count && i < group.Length; i++)
                {
                    group[i].ForEach(row => last[row].copy_(states[i, -1]));
                }
            }, cancel);
            TokensProcessed += (long)group.Length * count;
            for (int i = 0; i < group.Length; i++)
            {
                group[i].ForEach(row => visit(read, i, row));
            }
        }
    }

    /// <summary>Fills the cached prefix with these tokens.</summary>
    /// <param name="visitLast">receives the last token's hidden state [C]; null if it is not needed</param>
    private void PrefillPrefix(int[] tokens, Action<Tensor>? visitLast, int sequenceLength, int capacity, int? chunk,
        CancellationToken cancel)
    {
        bool mayShare = _model.HaveSameRotation(sequenceLength, _lastSequenceLength);
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
        _prefix.Crop(shared, capacity);
        int done = shared;
        foreach (int end in parts.Where(end => end > shared))
        {
            using var scope = NewDisposeScope();
            int count = end - done;
            _prefix.Read(tokens[done..end], sequenceLength, chunk, (offset, states) =>
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

    /// <inheritdoc/>
    public void Dispose()
    {
        ForgetState();
        _batch?.Dispose();
        _prefix.Dispose();
    }
}
