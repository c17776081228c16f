using System.Text.Json.Serialization;
using static System.FormattableString;

namespace Skipwise.Storage;

/// <summary>The size and checksum of a file, to detect damage.</summary>
/// <param name="Bytes">its size</param>
/// <param name="Crc32c">in hexadecimal digits</param>
internal sealed record FileChecksum(long Bytes, [property: JsonPropertyName("crc32c")] string Crc32c)
{
    public static FileChecksum Compute(string path)
    {
        (long bytes, uint crc) = Crc32CChecksum.Compute(path);
        return new(bytes, Invariant($"{crc:x8}"));
    }

    public static FileChecksum Compute(ReadOnlySpan<byte> content) =>
        new(content.Length, Invariant($"{Crc32CChecksum.Compute(content):x8}"));

    public override string ToString() => $"{Bytes} bytes with checksum {Crc32c}";
}
