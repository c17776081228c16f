using Skipwise.Models;
using Skipwise.Rope;

namespace Skipwise.Inference;

/// <summary>The rows of one step, and the memory that a step needs: made once, and again only for more rows or longer texts.</summary>
internal sealed unsafe class DecodeBatch : IDisposable
{
    // B rows, C hidden, H query heads, K kv heads, D head dim, R rotary dim, I intermediate

    private readonly DecoderConfig _config;
    private readonly int _threads, _pairs;
    private AlignedBuffers _rowBuffers = new(), _pieceBuffers = new();
    private int _rowCapacity, _pieceCapacity;
    private int[] _lengths = [], _firstPages = [];
    private nint[] _pages = [];
    private AttentionRecord?[] _records = [];
    private float* _cosines, _sines, _normed, _pieces;
    private int* _done;

    public DecodeBatch(DecoderConfig config, int threads)
    {
        (_config, _threads, _pairs) = (config, threads, config.RotaryDim / 2);
        PieceSize = (long)(config.NumAttentionHeads / config.NumKeyValueHeads) * (config.HeadDim + 2);
        QueryRow = (config.NumAttentionHeads + (2L * config.NumKeyValueHeads)) * config.HeadDim;
        FullUnits = new(config.NumKeyValueHeads, null);
        SlidingUnits = new(config.NumKeyValueHeads, config.SlidingWindow);
    }

    /// <summary>B</summary>
    public int Rows { get; private set; }

    /// <summary>attention of the layers without a window</summary>
    public AttentionUnits FullUnits { get; }

    /// <summary>attention of the layers with a window</summary>
    public AttentionUnits SlidingUnits { get; }

    /// <summary>input of a layer [B, C]</summary>
    public float* Hidden { get; private set; }

    /// <summary>the layer's input and its attention [B, C]</summary>
    public float* Attended { get; private set; }

    /// <summary>queries, keys and values [B, (H + 2 K) D]</summary>
    public float* Queries { get; private set; }

    /// <summary>elements of a row of <see cref="Queries"/></summary>
    public long QueryRow { get; }

    /// <summary>attention's output [B, H D]</summary>
    public float* Heads { get; private set; }

    /// <summary>the feed-forward's gate, or its inner values [B, I]</summary>
    public float* Inner { get; private set; }

    /// <summary>the feed-forward's other product, where it is gated [B, I]</summary>
    public float* Up { get; private set; }

    /// <summary>elements of what attention computes of a unit</summary>
    public long PieceSize { get; }

    /// <summary>A thread's normalized rows [B, C].</summary>
    public float* Normed(int thread) => _normed + ((long)thread * _rowCapacity * _config.HiddenSize);

    /// <summary>Attention of a unit.</summary>
    public float* Piece(int unit) => _pieces + (unit * PieceSize);

    /// <summary>How many units of a row and key/value head are done; the last of them sets it to 0.</summary>
    public ref int Done(int row, int kvHead) => ref _done[((long)row * _config.NumKeyValueHeads) + kvHead];

    /// <summary>[R/2]</summary>
    public float* Cosines(int row) => _cosines + ((long)row * _pairs);

    /// <summary>[R/2]</summary>
    public float* Sines(int row) => _sines + ((long)row * _pairs);

    /// <summary>tokens of the text before this step</summary>
    public int Length(int row) => _lengths[row];

    /// <summary>Address of a page of a row's text.</summary>
    public byte* Page(int row, int page) => (byte*)_pages[_firstPages[row] + page];

    /// <summary>Receives the attention of a row; null: nobody asks.</summary>
    public AttentionRecord? Record(int row) => _records[row];

    /// <summary>Takes the rows of a step.</summary>
    public void Set(ReadOnlySpan<DecodeRow> rows)
    {
        Reserve(rows);
        int pages = 0;
        for (int row = 0; row < rows.Length; row++)
        {
            KvText text = rows[row].Text;
            (_lengths[row], _firstPages[row]) = (text.Length, pages);
            for (int page = 0; page <= text.Length / KvPageLayout.PageTokens; page++)
            {
                _pages[pages++] = text.Pages[page].Address;
            }
            SetRotation(row, rows[row].Rope);
            _records[row] = rows[row].Attention;
        }
        _records.AsSpan(rows.Length).Clear(); // of texts that have ended
        Rows = rows.Length;
        FullUnits.Set(_lengths.AsSpan(0, Rows));
        SlidingUnits.Set(_lengths.AsSpan(0, Rows));
        ReservePieces(Math.Max(FullUnits.Count, SlidingUnits.Count));
    }

    public void Dispose()
    {
        _rowBuffers.Dispose();
        _pieceBuffers.Dispose();
    }

    /// <summary>The rotation of a row's new token, in float64 as by <see cref="Rotary"/>.</summary>
    private void SetRotation(int row, RopeFrequencies rope)
    {
        for (int pair = 0; pair < _pairs; pair++)
        {
            (double sine, double cosine) = Math.SinCos(_lengths[row] * rope.InvFreq[pair]);
            Cosines(row)[pair] = (float)(cosine * rope.AttentionFactor);
            Sines(row)[pair] = (float)(sine * rope.AttentionFactor);
        }
    }

    private void Reserve(ReadOnlySpan<DecodeRow> rows)
    {
        int pages = 0;
        foreach (DecodeRow row in rows)
        {
            pages += (row.Text.Length / KvPageLayout.PageTokens) + 1;
        }
        if (_pages.Length < pages)
        {
            _pages = new nint[2 * pages];
        }
        if (_rowCapacity >= rows.Length)
        {
            return;
        }
        _rowCapacity = rows.Length;
        _lengths = new int[_rowCapacity];
        _firstPages = new int[_rowCapacity];
        _records = new AttentionRecord?[_rowCapacity];
        _rowBuffers.Dispose();
        _rowBuffers = new();
        float* Row(long elements) => _rowBuffers.Floats(_rowCapacity * elements);
        Hidden = Row(_config.HiddenSize);
        Attended = Row(_config.HiddenSize);
        Queries = Row(QueryRow);
        Heads = Row((long)_config.NumAttentionHeads * _config.HeadDim);
        Inner = Row(_config.IntermediateSize);
        Up = Row(_config.GatedFeedForward ? _config.IntermediateSize : 0);
        _cosines = Row(_pairs);
        _sines = Row(_pairs);
        _normed = Row((long)_config.HiddenSize * _threads);
        _done = (int*)Row(_config.NumKeyValueHeads);
        new Span<int>(_done, _rowCapacity * _config.NumKeyValueHeads).Clear();
    }

    private void ReservePieces(int units)
    {
        if (_pieceCapacity < units)
        {
            _pieceCapacity = units + (units / 4); // texts grow
            _pieceBuffers.Dispose();
            _pieceBuffers = new();
            _pieces = _pieceBuffers.Floats(_pieceCapacity * PieceSize);
        }
    }
}
