using System.Buffers.Binary;
using ICSharpCode.SharpZipLib.Checksum;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace Skipwise.Documents;

/// <summary>
/// Decompresses all members of a gzip file (RFC 1952) and verifies each one's checksum. .NET's own stream accepts a truncated member;
/// SharpZipLib's treats whatever follows a member as the end of the file, so a damaged second member would be lost silently.
/// </summary>
/// <param name="compressed">the file, which this stream owns</param>
internal sealed class GzipMembers(Stream compressed) : Stream
{
    private const int HeaderCrc = 2, Extra = 4, Name = 8, Comment = 16; // flags of a header
    private readonly Inflater _inflater = new(noHeader: true);
    private readonly Crc32 _crc = new();
    private readonly byte[] _input = new byte[1 << 16];
    private int _start, _end; // the unread part of it
    private uint _length; // decompressed bytes of this member so far
    private bool _isInMember, _hadMember;

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    /// <exception cref="InvalidDataException">no gzip file, or a damaged one</exception>
    /// <exception cref="EndOfStreamException">a truncated file</exception>
    public override int Read(byte[] buffer, int offset, int count)
    {
        while (count > 0 && (_isInMember || BeginMember()))
        {
            int read = _inflater.Inflate(buffer, offset, count);
            if (read > 0)
            {
                _crc.Update(new ArraySegment<byte>(buffer, offset, read));
                _length += (uint)read;
                return read;
            }
            if (_inflater.IsFinished)
            {
                EndMember();
            }
            else if (_inflater.IsNeedingInput && (_start < _end || Fill()))
            {
                _inflater.SetInput(_input, _start, _end - _start);
                _start = _end;
            }
            else
            {
                throw new EndOfStreamException("the compressed text ends too early.");
            }
        }
        return 0;
    }

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            compressed.Dispose();
        }
        base.Dispose(disposing);
    }

    /// <returns>false at the file's end; zero bytes that pad a block count as the end</returns>
    private bool BeginMember()
    {
        if (_hadMember)
        {
            while ((_start < _end || Fill()) && _input[_start] == 0)
            {
                _start++;
            }
            if (_start == _end)
            {
                return false;
            }
        }
        if (Next() != 0x1F || Next() != 0x8B || Next() != 8)
        {
            throw new InvalidDataException(_hadMember ? "what follows the compressed text is no gzip." : "it does not begin as gzip does.");
        }
        int flags = Next();
        Skip(6); // time, level, system
        if ((flags & Extra) != 0)
        {
            Skip(Next() + (Next() << 8));
        }
        for (int text = (flags & Name) / Name + (flags & Comment) / Comment; text > 0; text--)
        {
            while (Next() != 0) { }
        }
        Skip((flags & HeaderCrc) != 0 ? 2 : 0);
        _inflater.Reset();
        _crc.Reset();
        _length = 0;
        return _isInMember = true;
    }

    private void EndMember()
    {
        _start = _end - _inflater.RemainingInput;
        Span<byte> sums = stackalloc byte[8];
        foreach (ref byte one in sums)
        {
            one = Next();
        }
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(sums), length = BinaryPrimitives.ReadUInt32LittleEndian(sums[4..]);
        if (checksum != (uint)_crc.Value || length != _length)
        {
            throw new InvalidDataException("the decompressed text does not have the checksum and the length that the file states.");
        }
        (_isInMember, _hadMember) = (false, true);
    }

    private void Skip(int count)
    {
        for (; count > 0; count--)
        {
            Next();
        }
    }

    private byte Next() => _start < _end || Fill() ? _input[_start++] : throw new EndOfStreamException("the file ends too early.");

    private bool Fill()
    {
        (_start, _end) = (0, compressed.Read(_input, 0, _input.Length));
        return _end > 0;
    }
}
