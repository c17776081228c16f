using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.TokenStores;

/// <summary>
/// Writes a token store, document after document. The file has a temporary name next to the target until <see cref="Complete"/>; a writer
/// that is disposed before that deletes it.
/// </summary>
internal sealed class TokenStoreWriter : IDisposable
{
    private readonly string _path;
    private readonly int _vocabularySize;
    private readonly ulong _fingerprint;
    private readonly NewFile _file;
    private readonly IncrementalHash _content = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly List<long> _ends = [0];

    /// <summary>Creates the temporary file.</summary>
    /// <param name="path">the finished file; an existing token store is replaced</param>
    /// <param name="vocabularySize">every token is below it</param>
    /// <param name="fingerprint">of the tokenizer that made the tokens, see <see cref="TokenizerFingerprint"/></param>
    public TokenStoreWriter(string path, int vocabularySize, ulong fingerprint)
    {
        _path = Path.GetFullPath(path);
        _vocabularySize = vocabularySize;
        _fingerprint = fingerprint;
        _file = Guarded(() =>
        {
            if (File.Exists(_path) && !TokenStoreHeader.Begins(_path))
            {
                throw new SkipwiseException($"{path}: exists and is no token store, so it is not replaced. Choose another name");
            }
            Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
            return new NewFile(_path, bufferSize: 1 << 20);
        });
        try
        {
            _file.Stream.Write(new byte[TokenStoreHeader.Size]);
        }
        catch (IOException e)
        {
            Dispose();
            throw Failed(e);
        }
    }

    /// <summary>number of documents so far</summary>
    public long Documents => _ends.Count - 1;
    /// <summary>number of tokens so far</summary>
    public long Tokens => _ends[^1];

    /// <summary>Appends a document.</summary>
    /// <exception cref="SkipwiseException">a token outside the vocabulary; a full disk</exception>
    public void Append(ReadOnlySpan<int> tokens)
    {
        int outside = tokens.IndexOfAnyExceptInRange(0, _vocabularySize - 1);
        if (outside >= 0)
        {
            throw new SkipwiseException(
                $"{_path}: token {tokens[outside]} of document {Documents} is outside the vocabulary of {_vocabularySize}");
        }
        Write(MemoryMarshal.AsBytes(tokens));
        _ends.Add(Tokens + tokens.Length);
    }

    /// <summary>Writes the table and the header, flushes to the disk, and gives the file its name.</summary>
    public void Complete()
    {
        Span<byte> bytes = stackalloc byte[8];
        foreach (long end in _ends)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, end);
            Write(bytes);
        }
        UInt128 content = TokenStoreHeader.ContentHashOf(_content.GetHashAndReset());
        byte[] header = new TokenStoreHeader(_vocabularySize, _fingerprint, Documents, Tokens, content).ToBytes();
        Guarded(() =>
        {
            _file.Stream.Position = 0;
            _file.Stream.Write(header);
            _file.Commit();
            return true;
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _file.Dispose();
        _content.Dispose();
    }

    /// <summary>
    /// Writes bytes and adds them to the content hash, so that the file need not be read again for it.
    /// </summary>
    private void Write(ReadOnlySpan<byte> bytes)
    {
        _content.AppendData(bytes);
        try
        {
            _file.Stream.Write(bytes);
        }
        catch (IOException e)
        {
            throw Failed(e);
        }
    }

    private T Guarded<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e);
        }
    }

    private SkipwiseException Failed(Exception e) => new($"{_path}: the token store cannot be written: {e.Message}", e);
}
