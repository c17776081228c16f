using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.Formats.Torch;

/// <summary>
/// The places of a zip archive's records in its file (PKWARE's APPNOTE, with ZIP64). PyTorch stores its records uncompressed so that they
/// can be read in place. An archive with compressed, encrypted or overlapping records is refused; nothing is ever decompressed.
/// </summary>
internal sealed class ZipDirectory
{
    private const uint EndSignature = 0x06054B50, End64Signature = 0x06064B50, Locator64Signature = 0x07064B50,
        RecordSignature = 0x02014B50, LocalSignature = 0x04034B50;
    private const int EndSize = 22, End64Size = 56, Locator64Size = 20, RecordSize = 46, LocalSize = 30, LongestComment = ushort.MaxValue;
    private const long LongestDirectory = 100_000_000; // half a million records
    private readonly SafeFileHandle _handle;
    private readonly string _path;
    private readonly Dictionary<string, (long Offset, long Length)> _records = [];

    /// <summary>Reads and checks the central directory.</summary>
    /// <exception cref="SkipwiseException">this is no zip archive, or it is inconsistent</exception>
    public ZipDirectory(SafeFileHandle handle, string path)
    {
        _handle = handle;
        _path = path;
        (long start, long length, ulong count) = FindDirectory(RandomAccess.GetLength(handle));
        ReadRecords(FileBytes.Read(handle, start, (int)length, path), start, count);
        CheckThatRecordsAreApart();
    }

    public IEnumerable<string> Names => _records.Keys;

    /// <summary>The place of a record's bytes; null if there is no record of that name.</summary>
    public (long Offset, long Length)? Find(string name) => _records.TryGetValue(name, out (long, long) place) ? place : null;

    private (long Start, long Length, ulong Count) FindDirectory(long fileLength)
    {
        int tailLength = (int)Math.Min(fileLength, EndSize + LongestComment);
        byte[] tail = FileBytes.Read(_handle, fileLength - tailLength, tailLength, _path);
        int at = tailLength - EndSize;
        while (at >= 0 && !(U32(tail, at) == EndSignature && at + EndSize + U16(tail, at + 20) == tailLength))
        {
            at--;
        }
        if (at < 0)
        {
            throw Wrong("has no end of a zip directory: it is cut off, or no file that PyTorch wrote. Fetch it again");
        }
        long end = fileLength - tailLength + at;
        ulong count = U16(tail, at + 10), length = U32(tail, at + 12), start = U32(tail, at + 16);
        if (count == ushort.MaxValue || length == uint.MaxValue || start == uint.MaxValue)
        {
            byte[] locator = At(end - Locator64Size, Locator64Size, Locator64Signature, "ZIP64 locator");
            ulong place = U64(locator, 8);
            byte[] end64 = At(place > long.MaxValue ? -1 : (long)place, End64Size, End64Signature, "ZIP64 directory's end");
            (count, length, start) = (U64(end64, 32), U64(end64, 40), U64(end64, 48));
            end = (long)place;
        }
        if (start > (ulong)end || length > (ulong)end - start)
        {
            throw Wrong($"claims a zip directory of {length} bytes at byte {start}, but it ends at byte {end}");
        }
        if (length > LongestDirectory || count > length / RecordSize)
        {
            throw Wrong($"claims {count} records in a zip directory of {length} bytes");
        }
        return ((long)start, (long)length, count);
    }

    private void ReadRecords(ReadOnlySpan<byte> directory, long start, ulong count)
    {
        long dataEnd = start;
        for (ulong i = 0; i < count; i++)
        {
            if (directory.Length < RecordSize || U32(directory, 0) != RecordSignature)
            {
                throw Wrong($"has {i} records in its zip directory, expected {count}");
            }
            int nameLength = U16(directory, 28), extraLength = U16(directory, 30), commentLength = U16(directory, 32);
            if (directory.Length < RecordSize + nameLength + extraLength + commentLength)
            {
                throw Wrong($"record {i} of its zip directory is cut off");
            }
            string name = Encoding.UTF8.GetString(directory.Slice(RecordSize, nameLength));
            if ((U16(directory, 8) & 1) != 0 || U16(directory, 10) != 0)
            {
                throw Wrong($"record {name} is compressed or encrypted, which PyTorch never does. Save the file again with torch.save");
            }
            ulong compressed = U32(directory, 20), length = U32(directory, 24), local = U32(directory, 42);
            ReadExtra64(directory.Slice(RecordSize + nameLength, extraLength), name, ref length, ref compressed, ref local);
            if (compressed != length || local > (ulong)dataEnd)
            {
                throw Wrong($"record {name}: {compressed} bytes stand for {length}, at byte {local} of {dataEnd}");
            }
            long data = DataOffset((long)local, name);
            if (data > dataEnd || length > (ulong)(dataEnd - data))
            {
                throw Wrong($"record {name}: {length} bytes at byte {data} reach beyond the data, which end at byte {dataEnd}");
            }
            if (!_records.TryAdd(name, (data, (long)length)))
            {
                throw Wrong($"holds record {name} twice");
            }
            directory = directory[(RecordSize + nameLength + extraLength + commentLength)..];
        }
    }

    /// <summary>Reads the 64-bit values of the extra field, which replace, in this order, the 32-bit values that are all ones.</summary>
    private void ReadExtra64(ReadOnlySpan<byte> extra, string name, ref ulong length, ref ulong compressed, ref ulong local)
    {
        while (extra.Length >= 4)
        {
            int id = U16(extra, 0), size = U16(extra, 2);
            if (extra.Length < 4 + size)
            {
                throw Wrong($"record {name}: its extra field is cut off");
            }
            if (id == 1)
            {
                ReadOnlySpan<byte> numbers = extra.Slice(4, size);
                Take(ref length, ref numbers, name);
                Take(ref compressed, ref numbers, name);
                Take(ref local, ref numbers, name);
            }
            extra = extra[(4 + size)..];
        }
    }

    private void Take(ref ulong value, ref ReadOnlySpan<byte> numbers, string name)
    {
        if (value != uint.MaxValue)
        {
            return;
        }
        if (numbers.Length < 8)
        {
            throw Wrong($"record {name}: its ZIP64 field is cut off");
        }
        value = U64(numbers, 0);
        numbers = numbers[8..];
    }

    /// <summary>The offset of a record's data, from its local header, which repeats the name and pads the data to an alignment.</summary>
    private long DataOffset(long local, string name)
    {
        byte[] header = At(local, LocalSize, LocalSignature, $"header of record {name}");
        return local + LocalSize + U16(header, 26) + U16(header, 28);
    }

    private void CheckThatRecordsAreApart()
    {
        long reached = 0;
        string before = "the beginning";
        foreach ((string name, (long offset, long length)) in _records.OrderBy(r => r.Value.Offset).ThenBy(r => r.Value.Length))
        {
            if (offset < reached)
            {
                throw Wrong($"record {name} overlaps {before}");
            }
            reached = offset + length;
            before = name;
        }
    }

    private byte[] At(long place, int size, uint signature, string what)
    {
        if (place < 0 || place > RandomAccess.GetLength(_handle) - size)
        {
            throw Wrong($"{what}: expected at byte {place}, outside the file");
        }
        byte[] bytes = FileBytes.Read(_handle, place, size, _path);
        return U32(bytes, 0) == signature ? bytes : throw Wrong($"{what}: expected at byte {place}, but it is not there");
    }

    private SkipwiseException Wrong(string what) => new($"{_path}: {what}");

    private static ushort U16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16LittleEndian(bytes[at..]);
    private static uint U32(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[at..]);
    private static ulong U64(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes[at..]);
}
