namespace Skipwise.Documents;

/// <summary>Passes through the bytes of a text and enforces the limits per document, line or row and per compressed file.</summary>
/// <param name="inner">the decompressed bytes, which this stream owns</param>
/// <param name="compressed">bytes of the compressed file; null if it is not compressed</param>
internal sealed class RowStream(Stream inner, string path, long? compressed, LimitOptions limits) : Stream
{
    // A reader on top may read twice a row's length before it finds the end, because its buffer doubles until the row is complete.
    private readonly long _mostOfRow = 2 * ((long)limits.MaxDocumentMegabytes << 20);
    private readonly long _most = compressed is { } length
        ? Math.Max(LimitOptions.MinDecompressedLimit, length * limits.MaxDecompressionRatio)
        : long.MaxValue;
    private string _row = path;
    private long _ofRow, _all;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>Starts the next row. Bytes that a reader on top has buffered count to the previous row.</summary>
    /// <param name="place">the row's name in errors</param>
    public void Begin(string place) => (_row, _ofRow) = (place, 0);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    /// <exception cref="SkipwiseException">a limit is exceeded</exception>
    public override int Read(Span<byte> buffer)
    {
        int read = inner.Read(buffer);
        _ofRow += read;
        _all += read;
        if (_ofRow > _mostOfRow)
        {
            throw new SkipwiseException(
                $"{_row}: has no end after {limits.MaxDocumentMegabytes} MB. If one document, line or row is really as long, raise " +
                $"{OptionName.Of(nameof(LimitOptions.MaxDocumentMegabytes))}");
        }
        if (_all > _most)
        {
            throw new SkipwiseException(
                $"{_row}: the file of {compressed} bytes decompresses to more than {_all} bytes, "
                + $"over {limits.MaxDecompressionRatio} times as many. "
                + $"If that is really its text, raise {OptionName.Of(nameof(LimitOptions.MaxDecompressionRatio))}");
        }
        return read;
    }

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }
        base.Dispose(disposing);
    }
}
