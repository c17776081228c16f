using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.TokenStores;

/// <summary>
/// Tokenised documents in a file that is mapped into memory: a document is a window onto the file, and the operating system
/// keeps in memory what is in use. <see cref="TokenStoreWriter"/> writes it; TokenStoreHeader describes the format.
/// </summary>
public sealed unsafe class TokenStore : ITokenSource, IDisposable
{
    private const int BytesAtOnce = 1 << 24;

    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private readonly DateTime _written; // when the file was last changed before it was opened
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly TokenStoreHeader _header;
    private readonly bool[] _checked; // documents whose tokens are known to lie in the vocabulary
    private string? _contentHash;
    private byte* _start;

    private TokenStore(string path, SafeFileHandle handle, MemoryMappedFile file, MemoryMappedViewAccessor view, TokenStoreHeader header)
    {
        (_path, _handle, _file, _view, _header) = (path, handle, file, view, header);
        _written = File.GetLastWriteTimeUtc(handle);
        _checked = new bool[header.Documents];
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    public int Count => _checked.Length;
    public long Tokens => _header.Tokens;
    public int VocabularySize => _header.VocabularySize;
    public ulong Fingerprint => _header.Fingerprint;

    /// <summary>
    /// What stands for the tokens and their division into documents: 32 hexadecimal digits. It is the file's own note, made while it was
    /// written; a store of version 1 has none and is read whole, once.
    /// </summary>
    /// <exception cref="SkipwiseException">the file was changed after it had been opened</exception>
    public string ContentHash => _contentHash ??= (_header.ContentHash ?? ReadContentHash()).ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>From the table alone: the tokens stay on the disk.</summary>
    /// <exception cref="SkipwiseException">the file was changed after it had been opened</exception>
    public int LengthOf(int document)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(document);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(document, Count);
        RequireUnchanged();
        return (int)(End(document + 1) - End(document));
    }

    /// <exception cref="SkipwiseException">the document was damaged: it holds a token outside the vocabulary; or the file was changed after
    /// it had been opened</exception>
    public ReadOnlySpan<int> this[int document]
    {
        get
        {
            int length = LengthOf(document);
            var tokens = new ReadOnlySpan<int>(_start + TokenStoreHeader.Size + (4 * End(document)), length);
            if (!_checked[document])
            {
                int outside = tokens.IndexOfAnyExceptInRange(0, VocabularySize - 1);
                if (outside >= 0)
                {
                    throw new SkipwiseException($"{_path}: damaged token store: token {tokens[outside]} of document {document} is outside the vocabulary of {VocabularySize}");
                }
                _checked[document] = true;
            }
            return tokens;
        }
    }

    /// <exception cref="SkipwiseException">not a token store, a cut file, or one whose header or table was changed</exception>
    public static TokenStore Open(string path)
    {
        SafeFileHandle? handle = null;
        MemoryMappedFile? file = null;
        TokenStore? store = null;
        try
        {
            handle = InputFile.OpenHandle(path);
            TokenStoreHeader header = ReadHeader(handle, path);
            file = MemoryMappedFile.CreateFromFile(handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None,
                leaveOpen: true);
            store = new TokenStore(path, handle, file, file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read), header);
            store.CheckTable();
            return store;
        }
        catch (Exception e)
        {
            store?.Dispose();
            file?.Dispose();
            handle?.Dispose();
            if (e is IOException or UnauthorizedAccessException)
            {
                throw new SkipwiseException($"{path}: the token store cannot be opened: {e.Message}", e);
            }
            throw;
        }
    }

    /// <summary>Refuses a tokenizer other than the one that made the store: its ids would mean other text.</summary>
    public void RequireTokenizer(ITokenizer tokenizer)
    {
        if (TokenizerFingerprint.Compute(tokenizer) != Fingerprint)
        {
            throw new SkipwiseException(
                $"{_path}: made with another tokenizer (vocabulary of {VocabularySize}) than the model's (vocabulary of {tokenizer.VocabularySize}); write it again with `skipwise prepare`");
        }
    }

    /// <summary>Refuses a store with ids that a model has no embedding for.</summary>
    /// <param name="rows">of the model's embedding</param>
    /// <exception cref="SkipwiseException">it holds one; the first is named</exception>
    public void RequireBelow(int rows)
    {
        for (int document = 0; VocabularySize > rows && document < Count; document++)
        {
            if (this[document].IndexOfAnyExceptInRange(0, rows - 1) is >= 0 and int at)
            {
                throw new SkipwiseException(
                    $"{_path}: token {at} of document {document} has id {this[document][at]}, but the model's vocabulary has {rows} ids " +
                    $"(its tokenizer has {VocabularySize}). {BoundedTokenizer.Remedy}");
            }
        }
    }

    public void Dispose()
    {
        if (_start is not null)
        {
            _start = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
            _handle.Dispose();
        }
    }

    /// <summary>
    /// Memory over a file that became shorter ends the process without a word, and over one that was written anew holds other text. A file
    /// that takes its name is no harm.
    /// </summary>
    private void RequireUnchanged()
    {
        if (RandomAccess.GetLength(_handle) != _header.FileLength || File.GetLastWriteTimeUtc(_handle) != _written)
        {
            throw new SkipwiseException(
                $"{_path}: was changed while it was in use. Start again, and write the store with `skipwise prepare` under another name");
        }
    }

    private UInt128 ReadContentHash()
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (long at = TokenStoreHeader.Size; at < _header.FileLength; at += BytesAtOnce)
        {
            RequireUnchanged();
            hash.AppendData(new ReadOnlySpan<byte>(_start + at, (int)Math.Min(BytesAtOnce, _header.FileLength - at)));
        }
        return TokenStoreHeader.ContentHashOf(hash.GetHashAndReset());
    }

    private static TokenStoreHeader ReadHeader(SafeFileHandle file, string path)
    {
        byte[] start = new byte[TokenStoreHeader.Size];
        var header = TokenStoreHeader.Read(start.AsSpan(0, RandomAccess.Read(file, start, 0)), path);
        long length = RandomAccess.GetLength(file);
        if (header.FileLength != length)
        {
            throw new SkipwiseException($"{path}: damaged token store: it has {length} bytes where its header tells of {header.FileLength}. Write it again with `skipwise prepare`");
        }
        if (header.Documents is < 0 or > int.MaxValue - 64 || header.Tokens < 0 || header.VocabularySize <= 0)
        {
            throw new SkipwiseException($"{path}: damaged token store: it tells of {header.Documents} documents, {header.Tokens} tokens, a vocabulary of {header.VocabularySize}");
        }
        return header;
    }

    private long End(int document) =>
        Unsafe.ReadUnaligned<long>(_start + TokenStoreHeader.Size + (4 * _header.Tokens) + (8 * (long)document));

    private void CheckTable()
    {
        bool sound = End(0) == 0 && End(Count) == Tokens;
        for (int document = 0; sound && document < Count; document++)
        {
            long length = End(document + 1) - End(document);
            sound = length is >= 0 and <= int.MaxValue;
        }
        if (!sound)
        {
            throw new SkipwiseException($"{_path}: damaged token store: its table of documents is not in order. Write it again with `skipwise prepare`");
        }
    }
}
