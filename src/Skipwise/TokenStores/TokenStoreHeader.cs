using System.Buffers.Binary;
using System.Security.Cryptography;
using Skipwise.Storage;

namespace Skipwise.TokenStores;

/// <summary>
/// The file format of a token store; all numbers are little-endian.
/// <code>
/// offset  size          content
///      0  8             magic "SKIPTOK\n"
///      8  int32         version, 2 (version 1 has no content hash: zero in its place)
///     12  int32         vocabulary size V: every token is in 0..V-1
///     16  uint64        fingerprint of the tokenizer (TokenizerFingerprint)
///     24  int64         number of documents D
///     32  int64         number of tokens N
///     40  16 bytes      content hash: start of the SHA-256 of everything from byte 64 on
///     56  8 bytes       start of the SHA-256 of bytes 0..55
///     64  N int32       tokens, document after document, without BOS
///  64+4N  D+1 int64     document d is tokens ends[d] .. ends[d+1]-1; ends[0] = 0, ends[D] = N (not aligned to 8 if N is odd)
/// </code>
/// </summary>
/// <param name="ContentHash">of tokens and table; null in a file of version 1</param>
internal readonly record struct TokenStoreHeader(int VocabularySize, ulong Fingerprint, long Documents, long Tokens, UInt128? ContentHash)
{
    public const int Size = 64;
    private const int Version = 2, OldestVersion = 1, ContentHashOffset = 40;

    private static ReadOnlySpan<byte> Magic => "SKIPTOK\n"u8;

    /// <summary>Length of the whole file in bytes; negative if the header's numbers overflow.</summary>
    public long FileLength
    {
        get
        {
            var length = Size + (4 * (Int128)Tokens) + (8 * ((Int128)Documents + 1));
            return length > long.MaxValue ? -1 : (long)length;
        }
    }

    /// <summary>Whether a file is a token store, complete or not, by its first bytes.</summary>
    /// <exception cref="IOException">it cannot be read</exception>
    public static bool Begins(string path)
    {
        using var file = InputFile.OpenHandle(path);
        byte[] start = new byte[Magic.Length];
        return RandomAccess.Read(file, start, 0) == start.Length && Magic.SequenceEqual(start);
    }

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        Magic.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), ContentHash is null ? OldestVersion : Version);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), VocabularySize);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(16), Fingerprint);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(24), Documents);
        BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(32), Tokens);
        BinaryPrimitives.WriteUInt128LittleEndian(bytes.AsSpan(ContentHashOffset), ContentHash ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(56), Hash(bytes.AsSpan(0, 56)));
        return bytes;
    }

    public static TokenStoreHeader Read(ReadOnlySpan<byte> bytes, string path)
    {
        if (bytes.Length < Size || !bytes.StartsWith(Magic))
        {
            throw new SkipwiseException(
                $"{path}: not a token store (wrong first bytes, or shorter than its header); write it with `skipwise prepare`");
        }
        int version = BinaryPrimitives.ReadInt32LittleEndian(bytes[8..]);
        if (version is < OldestVersion or > Version)
        {
            throw new SkipwiseException(
                $"{path}: token store of version {version}; this Skipwise reads versions {OldestVersion} to {Version}. "
                + "Write it again with `skipwise prepare`");
        }
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes[56..]) != Hash(bytes[..56]))
        {
            throw new SkipwiseException(
                $"{path}: damaged token store: the header does not match its checksum. Write it again with `skipwise prepare`");
        }
        return new TokenStoreHeader(
            BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]),
            BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]),
            version == OldestVersion ? null : ContentHashOf(bytes[ContentHashOffset..]));
    }

    /// <summary>The part of a SHA-256 that is the content hash.</summary>
    public static UInt128 ContentHashOf(ReadOnlySpan<byte> sha256) => BinaryPrimitives.ReadUInt128LittleEndian(sha256);

    private static ulong Hash(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(bytes));
}
