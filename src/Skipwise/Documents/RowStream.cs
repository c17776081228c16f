namespace Skipwise.Documents;

/// <summary>Hands on the bytes of a text, no more for one document, line or row, and for the whole of a packed file, than the limits
/// allow.</summary>
/// <param name="inner">the unpacked bytes; belongs to this one</param>
/// <param name="packed">bytes of the packed file; null if it is not packed</param>
internal sealed class RowStream(Stream inner, string path, long? packed, LimitOptions limits) : Stream
{
    // The reader above may take a row's length once more before it finds the end: its block doubles until the row is whole.
    private readonly long _mostOfRow = 2 * ((long)limits.MaxDocumentMegabytes << 20);
    private readonly long _most = packed is { } length
        ? Math.Max(LimitOptions.MinDecompressedLimit, length * limits.MaxDecompressionRatio)
        : long.MaxValue;
    private string _row = path;
    private long _ofRow, _all;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <summary>What is read from now on is the next row. What the reader above holds back of it counts to the one before.</summary>
    /// <param name="place">how an error names it</param>
    public void Begin(string place) => (_row, _ofRow) = (place, 0);

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <exception cref="SkipwiseException">a limit is passed</exception>
    public override int Read(Span<byte> buffer)
    {
        int read = inner.Read(buffer);
        _ofRow += read;
        _all += read;
        if (_ofRow > _mostOfRow)
        {
            throw new SkipwiseException(
                $"{_row}: has no end after {limits.MaxDocumentMegabytes} MB. If one document, line or row is really as long, raise " +
                $"--max-document-mb");
        }
        if (_all > _most)
        {
            throw new SkipwiseException(
                $"{_row}: the file of {packed} bytes decompresses to more than {_all} bytes, over {limits.MaxDecompressionRatio} times as many. "
                + "If that is really its text, raise --max-decompression-ratio");
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
