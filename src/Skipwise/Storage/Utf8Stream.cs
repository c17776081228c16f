using System.Buffers;
using System.Text;
using System.Text.Unicode;

namespace Skipwise.Storage;

/// <summary>
/// Passes through the bytes of a text and validates them: invalid UTF-8 is an error that names the place, and is never replaced silently.
/// </summary>
/// <param name="inner">read from its current position; this stream owns it</param>
/// <param name="name">the file, for the error</param>
/// <param name="mayBeTorn">whether the text may end within a character, like a log that is being written</param>
internal sealed class Utf8Stream(Stream inner, string name, bool mayBeTorn = false) : Stream
{
    private readonly byte[] _open = new byte[4]; // the incomplete character at the end of the last block
    private int _opened;
    private long _position, _line = 1; // of the next character

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

    /// <inheritdoc/>
    /// <exception cref="SkipwiseException">invalid UTF-8</exception>
    public override int Read(Span<byte> buffer)
    {
        int count = inner.Read(buffer);
        if (count > 0)
        {
            Check(buffer[..count]);
        }
        else if (_opened > 0 && buffer.Length > 0 && !mayBeTorn)
        {
            throw Wrong(_open.AsSpan(0, _opened), "it ends within a character");
        }
        return count;
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => new(Read(buffer.Span));

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

    private void Check(ReadOnlySpan<byte> bytes)
    {
        if (_position + _opened < 2 && bytes[..(int)Math.Min(2 - _position - _opened, bytes.Length)].Contains((byte)0))
        {
            throw Wrong(bytes[..Math.Min(2, bytes.Length)], "it begins with a zero byte, as UTF-16 without a mark does");
        }
        for (; _opened > 0 && bytes.Length > 0; bytes = bytes[1..])
        {
            _open[_opened++] = bytes[0];
            switch (Rune.DecodeFromUtf8(_open.AsSpan(0, _opened), out _, out _))
            {
                case OperationStatus.Done:
                    _position += _opened;
                    _opened = 0;
                    break;
                case OperationStatus.InvalidData:
                    throw Wrong(_open.AsSpan(0, _opened));
            }
        }
        int whole = WholeCharacters(bytes);
        if (!Utf8.IsValid(bytes[..whole]))
        {
            throw FirstWrong(bytes);
        }
        Pass(bytes[..whole]);
        if (whole < bytes.Length)
        {
            bytes[whole..].CopyTo(_open);
            _opened = bytes.Length - whole;
        }
    }

    /// <summary>The number of bytes without an incomplete last character.</summary>
    private static int WholeCharacters(ReadOnlySpan<byte> bytes)
    {
        for (int back = 1; back <= Math.Min(3, bytes.Length); back++)
        {
            if (bytes[^back] >= 0xC0) // a character's first byte
            {
                bool isCut = Rune.DecodeFromUtf8(bytes[^back..], out _, out _) == OperationStatus.NeedMoreData;
                return bytes.Length - (isCut ? back : 0);
            }
        }
        return bytes.Length;
    }

    private void Pass(ReadOnlySpan<byte> bytes)
    {
        _position += bytes.Length;
        _line += bytes.Count((byte)'\n');
    }

    private SkipwiseException FirstWrong(ReadOnlySpan<byte> bytes)
    {
        int at = 0, used;
        while (Rune.DecodeFromUtf8(bytes[at..], out _, out used) == OperationStatus.Done)
        {
            at += used;
        }
        Pass(bytes[..at]);
        return Wrong(bytes.Slice(at, used));
    }

    private SkipwiseException Wrong(ReadOnlySpan<byte> bytes, string? why = null)
    {
        why ??= _position == 0 && bytes[0] is 0xFE or 0xFF ? "it begins as UTF-16 does" : null;
        string found = Convert.ToHexString(bytes) + (why is null ? "" : $" ({why})");
        return new($"{name}: not UTF-8: line {_line}, byte {_position}: {found}. Convert it first, as iconv does");
    }
}
