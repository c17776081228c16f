using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Skipwise.Storage.Gguf;

/// <summary>Reads the header of a GGUF file from front to back. Every length is compared with the rest of the file before memory is taken
/// for it.</summary>
internal sealed class GgufCursor(SafeFileHandle handle, string path, long length)
{
    private const int BufferBytes = 1 << 16;
    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private readonly byte[] _buffer = new byte[(int)Math.Min(BufferBytes, length)];
    private long _bufferStart;
    private int _buffered;

    /// <summary>The next byte to read, counted from the start of the file.</summary>
    public long Position { get; private set; }

    /// <summary>bytes of the file</summary>
    public long Length => length;

    public byte Byte() => Take(sizeof(byte))[0];
    public ushort UInt16() => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort)));
    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)));
    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong)));

    /// <summary>The number of things that follow.</summary>
    /// <param name="least">bytes that one of them takes at least</param>
    /// <param name="what">plural, for the error</param>
    /// <exception cref="SkipwiseException">the rest of the file is too short for so many</exception>
    public int Count(int least, string what)
    {
        ulong count = UInt64();
        return count <= (ulong)(length - Position) / (ulong)least && count <= int.MaxValue ? (int)count
            : throw Error($"claims {count} {what}, but only {length - Position} bytes follow");
    }

    /// <summary>A text with its length before it.</summary>
    /// <exception cref="SkipwiseException">it is longer than the rest of the file, or not UTF-8</exception>
    public string Text(string what)
    {
        int bytes = Count(1, $"bytes of {what}");
        if (bytes <= _buffer.Length)
        {
            return Decoded(Take(bytes), what);
        }
        byte[] text = FileBytes.Read(handle, Position, bytes, path);
        Position += bytes;
        return Decoded(text, what);
    }

    /// <summary>An error at this place.</summary>
    /// <param name="remedy">what the user can do; null: the file is taken for a damaged one</param>
    public SkipwiseException Error(string complaint, string? remedy = null) => new(
        $"{path}: byte {Position}: {complaint}. {remedy ?? "The file is cut off or damaged: fetch it again, or export it again"}");

    private string Decoded(ReadOnlySpan<byte> bytes, string what)
    {
        try
        {
            return s_utf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            throw Error($"{what} is not UTF-8");
        }
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > length - Position)
        {
            throw Error($"expected {count} more bytes, but the file ends after {length - Position}");
        }
        if (Position < _bufferStart || Position + count > _bufferStart + _buffered)
        {
            _bufferStart = Position;
            _buffered = (int)Math.Min(_buffer.Length, length - Position);
            FileBytes.Read(handle, _buffer.AsSpan(0, _buffered), Position, path);
        }
        ReadOnlySpan<byte> taken = _buffer.AsSpan((int)(Position - _bufferStart), count);
        Position += count;
        return taken;
    }
}
