using Skipwise.Generation;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Computes requests on a model: each beginning is read once, as a batch of equal lengths; then the tails, padded on the right, from its cache.</summary>
internal static class RequestScorer
{
    // B beginnings, R tails, P tokens of a beginning, T tokens of the longest tail, C hidden, V vocabulary

    /// <summary>memory of the key/value caches of tails that are read together</summary>
    private const long CacheBytes = 256L << 20;

    /// <summary>scores held at once: 64 MB</summary>
    private const int ScoresAtOnce = 1 << 24;

    /// <summary>Scores the requests of a batch.</summary>
    /// <param name="reads">with beginnings of one length</param>
    /// <param name="tailsAtOnce">tails per forward; null takes as many as 256 MB of cache hold</param>
    public static IReadOnlyList<(TaskRequest Request, RequestScore Score)> Score(CausalLM model, IReadOnlyList<SharedRead> reads, int? tailsAtOnce = null, CancellationToken cancel = default)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        int beginning = reads[0].Beginning;
        Row[] rows = [.. reads.SelectMany((read, source) => read.Requests.Select(request => new Row(request, source, beginning)))];
        Row[] withTail = [.. rows.Where(row => row.Tail.Length > 0).OrderByDescending(row => row.Tail.Length)];

        Tensor ids = TokenTensor.From(model, [.. reads.Select(read => read.Requests[0].Inputs[..beginning].ToArray())]); // [B, P]
        bool isOneForward = (long)reads.Count * beginning <= Scorer.TokensPerForward;
        using KvCache? cache = isOneForward && withTail.Length == 0 ? null : new KvCache(model.Config, reads.Count, beginning, model.Dtype, model.Device);
        int chunk = isOneForward ? beginning : Math.Max(1, Scorer.TokensPerForward / reads.Count);
        Prefill.Read(model, ids, Prefill.Positions(0, beginning, model.Device), cache, beginning, chunk, (offset, hidden) =>
            Take(model, hidden, offset, rows.Select(row => (row, row.Source)), 0, beginning), cancel);

        foreach (Row[] tails in withTail.Chunk(tailsAtOnce ?? TailsAtOnce(model, withTail)))
        {
            ReadTails(model, cache!, beginning, tails, cancel);
        }
        return [.. rows.Select(row => (row.Request, new RequestScore(-row.Loss, row.IsGreedy)))];
    }

    private static void ReadTails(CausalLM model, KvCache beginnings, int beginning, Row[] tails, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        int longest = tails[0].Tail.Length;
        int[][] padded = [.. tails.Select(row => (int[])[.. row.Tail, .. new int[longest - row.Tail.Length]])]; // causal: what follows a tail does not reach it
        Tensor ids = TokenTensor.From(model, padded); // [R, T]
        using KvCache cache = beginnings.Branch([.. tails.Select(row => row.Source)], beginning + longest);
        Prefill.Read(model, ids, Prefill.Positions(beginning, longest, model.Device), cache, beginning + longest, Prefill.DefaultChunk, (offset, hidden) =>
            Take(model, hidden, offset, tails.Select((row, r) => (row, r)), beginning, beginning + longest), cancel);
    }

    /// <summary>Adds to each row what the hidden states say about its targets.</summary>
    /// <param name="hidden">[B, count, C]</param>
    /// <param name="offset">of the states in what is being read</param>
    /// <param name="rows">with the row of <paramref name="hidden"/> that each looks at</param>
    /// <param name="start">position of what is being read in the whole text</param>
    /// <param name="end">where it ends; tails end on their own</param>
    private static void Take(CausalLM model, Tensor hidden, int offset, IEnumerable<(Row Row, int At)> rows, int start, int end)
    {
        int count = (int)hidden.size(1), from = start + offset;
        var targets = new List<(Row Row, long State, int Token)>();
        foreach ((Row row, int at) in rows)
        {
            for (int position = Math.Max(from, row.FirstScored); position < Math.Min(Math.Min(from + count, end), row.Request.Inputs.Length); position++)
            {
                targets.Add((row, (long)at * count + position - from, row.Request.Tokens[position + 1]));
            }
        }
        Tensor states = hidden.reshape(-1, hidden.size(2));
        foreach ((Row Row, long State, int Token)[] piece in targets.Chunk(Math.Max(1, ScoresAtOnce / model.Config.VocabSize)))
        {
            using var scope = NewDisposeScope();
            Tensor labels = tensor(piece.Select(target => (long)target.Token).ToArray(), dtype: ScalarType.Int64, device: model.Device);
            Tensor chosen = states.index_select(0, tensor(piece.Select(target => target.State).ToArray(), dtype: ScalarType.Int64, device: model.Device));
            Tensor logits = model.Logits(chosen).to(ScalarType.Float32); // [n, V]
            float[] losses = nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.None).cpu().data<float>().ToArray();
            bool[] hits = logits.argmax(-1).eq(labels).cpu().data<bool>().ToArray();
            for (int i = 0; i < piece.Length; i++)
            {
                piece[i].Row.Loss += losses[i];
                piece[i].Row.IsGreedy &= hits[i];
            }
        }
    }

    private static int TailsAtOnce(CausalLM model, Row[] tails)
    {
        if (tails.Length == 0)
        {
            return 1;
        }
        long bytesPerToken = 2L * model.Config.NumHiddenLayers * model.Config.NumKeyValueHeads * model.Config.HeadDim * model.Dtype.ElementSize();
        return (int)Math.Clamp(CacheBytes / (bytesPerToken * tails[0].Request.Inputs.Length), 1, 64);
    }

    /// <summary>A request while it is computed.</summary>
    /// <param name="request">what is asked</param>
    /// <param name="source">the read that its beginning stands in</param>
    /// <param name="beginning">P</param>
    private sealed class Row(TaskRequest request, int source, int beginning)
    {
        public TaskRequest Request => request;
        public int Source => source;
        public ReadOnlySpan<int> Tail => request.Inputs[beginning..];

        /// <summary>position of the first token whose successor is scored</summary>
        public int FirstScored => request.Tokens.Length - 1 - request.Continuation;

        /// <summary>-ln p, summed in float64</summary>
        public double Loss { get; set; }
        public bool IsGreedy { get; set; } = true;
    }
}
