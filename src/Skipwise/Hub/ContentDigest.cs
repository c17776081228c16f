using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Skipwise.Storage;

namespace Skipwise.Hub;

/// <summary>
/// The hash of a file's content, of the kind by which the hub names it, and Skipwise's own checksum, both computed as the bytes arrive.
/// </summary>
internal sealed class ContentDigest : IDisposable
{
    private readonly IncrementalHash _hash;
    private readonly long _size;
    private readonly bool _isGit;
    private uint _crc = uint.MaxValue;
    private long _bytes;

    /// <param name="file">whose size and hash are known</param>
    public ContentDigest(HubFile file)
    {
        (_size, _isGit) = (file.Size!.Value, file.Hash!.Length == HubFile.GitDigits);
#pragma warning disable CA5350 // git identifies contents by SHA-1; the hub states no other hash of small files
        _hash = IncrementalHash.CreateHash(_isGit ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
#pragma warning restore CA5350
        Restart();
    }

    /// <summary>number of bytes so far</summary>
    public long Bytes => _bytes;

    /// <summary>Size and checksum of the bytes so far.</summary>
    public FileChecksum Checksum => new(_bytes, FormattableString.Invariant($"{~_crc:x8}"));

    /// <summary>Forgets all bytes.</summary>
    public void Restart()
    {
        _hash.GetHashAndReset();
        (_crc, _bytes) = (uint.MaxValue, 0);
        if (_isGit)
        {
            string head = string.Create(CultureInfo.InvariantCulture, $"blob {_size}\0"); // as git hashes a file
            _hash.AppendData(Encoding.ASCII.GetBytes(head));
        }
    }

    /// <summary>Adds the next bytes.</summary>
    public void Add(ReadOnlySpan<byte> block)
    {
        _hash.AppendData(block);
        _crc = Crc32CChecksum.Add(_crc, block);
        _bytes += block.Length;
    }

    /// <summary>Adds what is left of a stream.</summary>
    public void Add(Stream content, CancellationToken stop)
    {
        byte[] block = new byte[1 << 20];
        for (int read; (read = content.Read(block)) > 0;)
        {
            stop.ThrowIfCancellationRequested();
            Add(block.AsSpan(0, read));
        }
    }

    /// <summary>The hash in small hexadecimal digits. The digest begins anew.</summary>
    public string Finish()
    {
        string hash = Convert.ToHexStringLower(_hash.GetHashAndReset());
        Restart();
        return hash;
    }

    public void Dispose() => _hash.Dispose();
}
