using Skipwise.Kernels.Decoding;
using Skipwise.Models;
using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Computes the next token's logits for one token of each of several texts on the CPU: in float32, whatever the type of the weights,
/// without a tensor or an allocation per operation. A row's logits do not depend on the other rows, to the bit. The model's weights must
/// not change or be replaced while it is used.
/// </summary>
internal sealed unsafe class CpuDecoder : ITeamWork, IDisposable
{
    // B rows, C hidden, H query heads, K kv heads, G = H / K, D head dim, I intermediate, V vocabulary

    private readonly DecoderConfig _config;
    private readonly DecoderWeights _weights;
    private readonly KvPageLayout _layout;
    private readonly WeightFormat _format; // of keys and values
    private readonly DecodeKernels _kernels;
    private readonly ThreadTeam _team;
    private readonly DecodeBatch _batch;
    private readonly AlignedBuffers _buffers = new();
    private readonly float* _attentionScratch; // of each thread
    private readonly long _attentionScratchSize;
    private readonly int _group;
    private float* _logits; // of the step that runs [B, V]

    private CpuDecoder(
        DecoderConfig config, DecoderWeights weights, KvPageLayout layout, WeightFormat format, int threads, DecodeKernels kernels)
    {
        (_config, _weights, _layout, _format, _kernels) = (config, weights, layout, format, kernels);
        _group = _config.NumAttentionHeads / _config.NumKeyValueHeads;
        _team = new(threads);
        _batch = new(_config, threads);
        _attentionScratchSize = ((_group + 3L) * _config.HeadDim) + ((long)_group * KvPageLayout.PageTokens) + _kernels.Lanes;
        _attentionScratch = _buffers.Floats(threads * _attentionScratchSize);
    }

    /// <summary>A decoder of the model's weights.</summary>
    /// <param name="layout">of the pages of all texts</param>
    /// <param name="threads">null: as many as libtorch has</param>
    /// <param name="kernels">null: the fastest of this processor</param>
    /// <param name="movesWeights">to memory that is read faster: see <see cref="LargePages"/></param>
    /// <returns>
    /// null if it does not compute this model, or not with such pages: keys and values of another type than float32, bfloat16, float16 and
    /// blocks of 8 bits;
    /// <inheritdoc cref="DecoderWeights.TryRead" path="/returns"/>
    /// </returns>
    public static CpuDecoder? TryCreate(CausalLM model, KvPageLayout layout, int? threads = null, DecodeKernels? kernels = null,
        bool movesWeights = true) =>
        layout.Format is { } format && DecoderWeights.TryRead(model, movesWeights) is { } weights
            ? new CpuDecoder(model.Config, weights, layout, format, threads ?? TorchThreads.Count, kernels ?? DecodeKernels.Best) : null;

    /// <summary>
    /// Computes the logits after one more token of each text, and writes the token's keys and values into the text's page. The caller then
    /// advances the texts' lengths. Not for two callers at once.
    /// </summary>
    /// <param name="rows">at least one; no text twice</param>
    /// <param name="logits">[B, V]</param>
    public void Step(ReadOnlySpan<DecodeRow> rows, Span<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfZero(rows.Length, nameof(rows));
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, rows.Length * _config.VocabSize, nameof(logits));
        foreach (DecodeRow row in rows)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(row.Id, nameof(rows));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row.Id, _config.VocabSize, nameof(rows));
        }
        _batch.Set(rows);
        for (int row = 0; row < rows.Length; row++)
        {
            _kernels.CopyRow(_weights.Embedding, rows[row].Id, _weights.EmbeddingScale, _batch.Hidden + ((long)row * _config.HiddenSize));
        }
        fixed (float* to = logits)
        {
            _logits = to;
            _team.Run(this);
        }
    }

    public void Dispose()
    {
        _team.Dispose();
        _batch.Dispose();
        _buffers.Dispose();
        _weights.Dispose();
    }

    /// <summary>All layers and the head on one of the threads; each wait is for the phase before.</summary>
    void ITeamWork.Run(int thread)
    {
        float* normed = _batch.Normed(thread);
        for (int layer = 0; layer < _weights.Layers.Count; layer++)
        {
            DecoderLayerWeights weights = _weights.Layers[layer];
            Norm(weights.AttentionNorm, _batch.Hidden, normed);
            ProjectQueries(weights, normed);
            _team.Wait();
            Attend(weights, layer, thread);
            _team.Wait();
            ProjectAndAdd(weights.Output, _batch.Heads, _batch.Hidden, _batch.Attended);
            _team.Wait();
            if (weights.FeedForwardNorm is { } norm)
            {
                Norm(norm, _config.Residual == ResidualKind.Sequential ? _batch.Attended : _batch.Hidden, normed);
            }
            ProjectInner(weights, normed);
            _team.Wait();
            ProjectAndAdd(weights.Down, _batch.Inner, _batch.Attended, _batch.Hidden);
            _team.Wait();
        }
        Norm(_weights.FinalNorm, _batch.Hidden, normed);
        ProjectLogits(normed);
    }

    /// <summary>Every thread normalizes all rows for itself: that is faster than to wait for another's.</summary>
    private void Norm(NormWeights norm, float* from, float* to)
    {
        for (int row = 0; row < _batch.Rows; row++)
        {
            _kernels.Norm(norm, from + ((long)row * norm.Size), to + ((long)row * norm.Size));
        }
    }

    private void ProjectQueries(DecoderLayerWeights weights, float* normed)
    {
        (DecodeMatrix query, DecodeMatrix key, DecodeMatrix value) = (weights.Query, weights.Key, weights.Value);
        float* keys = _batch.Queries + query.Rows, values = keys + key.Rows;
        for (int unit; (unit = _team.Take(query.Units + key.Units + value.Units)) >= 0;)
        {
            if (unit < query.Units)
            {
                Project(query, unit, normed, _batch.Queries, _batch.QueryRow);
            }
            else if (unit < query.Units + key.Units)
            {
                Project(key, unit - query.Units, normed, keys, _batch.QueryRow);
            }
            else
            {
                Project(value, unit - query.Units - key.Units, normed, values, _batch.QueryRow);
            }
        }
    }

    /// <summary>to = x W^T + b + residual.</summary>
    private void ProjectAndAdd(DecodeMatrix matrix, float* x, float* residual, float* to)
    {
        for (int unit; (unit = _team.Take(matrix.Units)) >= 0;)
        {
            (int first, int count) = Project(matrix, unit, x, to, matrix.Rows);
            for (int row = 0; row < _batch.Rows; row++)
            {
                long at = ((long)row * matrix.Rows) + first;
                _kernels.Add(residual + at, to + at, count);
            }
        }
    }

    private void ProjectInner(DecoderLayerWeights weights, float* normed)
    {
        var activation = (ActivationKind)_config.Activation;
        for (int unit; (unit = _team.Take(weights.Up.Units)) >= 0;)
        {
            bool isGated = weights.Gate is not null;
            (int first, int count) = Project(weights.Gate ?? weights.Up, unit, normed, _batch.Inner, weights.Up.Rows);
            if (isGated)
            {
                Project(weights.Up, unit, normed, _batch.Up, weights.Up.Rows);
            }
            for (int row = 0; row < _batch.Rows; row++)
            {
                long at = ((long)row * weights.Up.Rows) + first;
                _kernels.Activate(activation, _batch.Inner + at, isGated ? _batch.Up + at : null, _batch.Inner + at, count);
            }
        }
    }

    private void ProjectLogits(float* normed)
    {
        DecodeMatrix head = _weights.Head;
        for (int unit; (unit = _team.Take(head.Units)) >= 0;)
        {
            (int first, int count) = Project(head, unit, normed, _logits, head.Rows);
            for (int row = 0; row < _batch.Rows && _weights.HeadLengths != null; row++)
            {
                float* logits = _logits + ((long)row * head.Rows);
                for (int i = first; i < first + count; i++)
                {
                    logits[i] /= _weights.HeadLengths[i];
                }
            }
        }
    }

    /// <summary>to = x W^T + b for a unit's rows of W.</summary>
    /// <param name="x">[B, columns]</param>
    /// <param name="to">[B, rows]</param>
    private (int First, int Count) Project(DecodeMatrix matrix, int unit, float* x, float* to, long toRow)
    {
        int first = unit * matrix.UnitRows, count = Math.Min(matrix.UnitRows, matrix.Rows - first);
        _kernels.Multiply(matrix, first, first + count, x, matrix.Columns, _batch.Rows, to, toRow);
        for (int row = 0; row < _batch.Rows && matrix.Bias != null; row++)
        {
            _kernels.Add(matrix.Bias + first, to + (row * toRow) + first, count);
        }
        return (first, count);
    }

    private void Attend(DecoderLayerWeights weights, int layer, int thread)
    {
        AttentionUnits units = layer < _config.FirstSlidingLayer ? _batch.FullUnits : _batch.SlidingUnits;
        int dim = _config.HeadDim;
        long bytes = _layout.RowBytes;
        float* queries = _attentionScratch + (thread * _attentionScratchSize), head = queries + ((long)_group * dim);
        float* rotated = head + dim, scores = rotated + (2 * dim);
        for (int unit; (unit = _team.Take(units.Count)) >= 0;)
        {
            (int row, int page, int kvHead) = units.Locate(unit);
            byte* memory = _batch.Page(row, page);
            byte* keys = memory + _layout.Offset(layer, 0, kvHead), values = memory + _layout.Offset(layer, 1, kvHead);
            int start = page * KvPageLayout.PageTokens, length = _batch.Length(row);
            int first = Math.Max(units.FirstToken(row) - start, 0), end = Math.Min(length - start + 1, KvPageLayout.PageTokens);
            float* own = _batch.Queries + (row * _batch.QueryRow); // the row's queries, keys and values
            if (start + end > length)
            {
                float* key = own + (((long)_config.NumAttentionHeads + kvHead) * dim), value = key + ((long)_config.NumKeyValueHeads * dim);
                RotateHead(weights.KeyNorm, key, row, 1, head, rotated);
                DecodeKernels.Store(_format, rotated, keys + ((end - 1L) * bytes), dim);
                DecodeKernels.Store(_format, value, values + ((end - 1L) * bytes), dim);
            }
            for (int i = 0; i < _group; i++)
            {
                RotateHead(weights.QueryNorm, own + ((((long)kvHead * _group) + i) * dim), row, 1 / MathF.Sqrt(dim), head,
                    queries + ((long)i * dim));
            }
            float* piece = _batch.Piece(unit);
            _kernels.Attend(_format, keys + (first * bytes), values + (first * bytes), end - first, queries, _group, dim, scores, piece);
            AttentionRecord? record = _batch.Record(row);
            record?.TakePage(kvHead * _group, _group, start + first, end - first, scores, _kernels.ScoreRow(end - first));
            int pages = units.Pages(row);
            if (Interlocked.Increment(ref _batch.Done(row, kvHead)) == pages)
            {
                _batch.Done(row, kvHead) = 0;
                float* to = _batch.Heads + ((((long)row * _config.NumAttentionHeads) + ((long)kvHead * _group)) * dim);
                _kernels.CombineAttention(_batch.Piece(units.FirstUnit(row) + kvHead), _config.NumKeyValueHeads * _batch.PieceSize, pages,
                    _group, dim, to);
                if (record is not null)
                {
                    Normalize(record, units, row, layer, kvHead);
                }
            }
        }
    }

    /// <summary>Ends a record of the query heads of one key/value head.</summary>
    private void Normalize(AttentionRecord record, AttentionUnits units, int row, int layer, int kvHead)
    {
        float* largest = _batch.Piece(units.FirstUnit(row) + kvHead) + ((long)_group * _config.HeadDim);
        for (int i = 0; i < _group; i++)
        {
            record.Normalize(layer, (kvHead * _group) + i, units.FirstToken(row), largest + i,
                _config.NumKeyValueHeads * _batch.PieceSize, _group);
        }
    }

    /// <param name="norm">null: none</param>
    /// <param name="scratch">[D]</param>
    private void RotateHead(NormWeights? norm, float* from, int row, float scale, float* scratch, float* to)
    {
        if (norm is not null)
        {
            _kernels.Norm(norm, from, scratch);
        }
        _kernels.Rotate(_config.RotaryLayout, norm is null ? from : scratch, _batch.Cosines(row), _batch.Sines(row), _config.RotaryDim / 2,
            _config.HeadDim, scale, to);
    }
}
