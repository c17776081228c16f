using System.Numerics;
using System.Runtime.InteropServices;

namespace Skipwise.Storage;

/// <summary>CRC-32C (Castagnoli, as in iSCSI and TFRecord files). Detects damage, not manipulation; as fast as reading a disk.</summary>
internal static class Crc32CChecksum
{
    /// <summary>The size and checksum of a file.</summary>
    /// <exception cref="IOException">the file cannot be read</exception>
    public static (long Bytes, uint Crc) Compute(string path)
    {
        using FileStream file = InputFile.Open(path, FileShare.Read | FileShare.Delete);
        byte[] block = new byte[1 << 20];
        long bytes = 0;
        uint crc = uint.MaxValue;
        for (int read; (read = file.ReadAtLeast(block, block.Length, throwOnEndOfStream: false)) > 0; bytes += read)
        {
            crc = Add(crc, block.AsSpan(0, read));
        }
        return (bytes, ~crc);
    }

    public static uint Compute(ReadOnlySpan<byte> bytes) => ~Add(uint.MaxValue, bytes);

    /// <summary>Continues a checksum. It begins with all bits set, and the complement of the last result is the checksum.</summary>
    public static uint Add(uint crc, ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<ulong> words = MemoryMarshal.Cast<byte, ulong>(bytes);
        foreach (ulong word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }
        foreach (byte one in bytes[(sizeof(ulong) * words.Length)..])
        {
            crc = BitOperations.Crc32C(crc, one);
        }
        return crc;
    }
}
