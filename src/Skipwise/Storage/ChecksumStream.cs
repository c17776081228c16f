namespace Skipwise.Storage;

/// <summary>Passes what is written on to another stream and computes its checksum. The other stream stays open.</summary>
internal sealed class ChecksumStream(Stream target) : Stream
{
    private uint _crc = uint.MaxValue;
    private long _bytes;

    /// <summary>The size and checksum of what was written so far.</summary>
    public FileChecksum Checksum => new(_bytes, FormattableString.Invariant($"{~_crc:x8}"));

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => _bytes;
    public override long Position { get => _bytes; set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        target.Write(buffer);
        _crc = Crc32CChecksum.Add(_crc, buffer);
        _bytes += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => target.Flush();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
