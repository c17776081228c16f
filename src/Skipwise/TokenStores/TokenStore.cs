using System.Globalization;
using System.IO.MemoryMappedFiles;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Skipwise.Storage;
using Skipwise.Tokenizers;

namespace Skipwise.TokenStores;

/// <summary>
/// Tokenized documents in a memory-mapped file. A document is a span over the file; the operating system caches the pages in use.
/// <see cref="TokenStoreWriter"/> writes the file; TokenStoreHeader describes the format.
/// </summary>
/// <example>
/// <code>
/// using TokenStore store = TokenStore.Open("books.tokens");
/// ReadOnlySpan&lt;int&gt; first = store[0];
/// Console.WriteLine($"{store.Count} documents, {store.Tokens} tokens; the first has {first.Length}");
/// </code>
/// </example>
public sealed unsafe class TokenStore : ITokenSource, IDisposable
{
    private const int BytesAtOnce = 1 << 24;

    private readonly string _path;
    private readonly SafeFileHandle _handle;
    private readonly DateTime _written; // the file's modification time when it was opened
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly TokenStoreHeader _header;
    private readonly bool[] _checked; // documents whose tokens have been checked against the vocabulary
    private string? _contentHash;
    private byte* _start;

    private TokenStore(string path, SafeFileHandle handle, MemoryMappedFile file, MemoryMappedViewAccessor view, TokenStoreHeader header)
    {
        (_path, _handle, _file, _view, _header) = (path, handle, file, view, header);
        _written = File.GetLastWriteTimeUtc(handle);
        _checked = new bool[header.Documents];
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <inheritdoc/>
    public int Count => _checked.Length;
    /// <summary>number of tokens of all documents</summary>
    public long Tokens => _header.Tokens;
    /// <summary>vocabulary size of the tokenizer: every token is below it</summary>
    public int VocabularySize => _header.VocabularySize;
    /// <summary>fingerprint of the tokenizer, see <see cref="TokenizerFingerprint"/></summary>
    public ulong Fingerprint => _header.Fingerprint;

    /// <summary>
    /// A hash of the tokens and their division into documents: 32 hexadecimal digits. It is stored in the file; a store of version 1 lacks
    /// it and is read completely, once.
    /// </summary>
    /// <exception cref="SkipwiseException">the file was changed after it was opened</exception>
    public string ContentHash => _contentHash ??= (_header.ContentHash ?? ReadContentHash()).ToString("x32", CultureInfo.InvariantCulture);

    /// <summary>The number of tokens of one document, from the table alone, without reading the tokens.</summary>
    /// <exception cref="SkipwiseException">the file was changed after it had been opened</exception>
    public int LengthOf(int document)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        ArgumentOutOfRangeException.ThrowIfNegative(document);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(document, Count);
        RequireUnchanged();
        return (int)(End(document + 1) - End(document));
    }

    /// <inheritdoc/>
    /// <exception cref="SkipwiseException">the document is damaged (it contains a token outside the vocabulary), or the file was changed
    /// after it was opened</exception>
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
                    throw new SkipwiseException(
                        $"{_path}: damaged token store: token {tokens[outside]} of document {document} is outside the vocabulary of " +
                        $"{VocabularySize}");
                }
                _checked[document] = true;
            }
            return tokens;
        }
    }

    /// <summary>Opens a token store.</summary>
    /// <exception cref="SkipwiseException">not a token store, a truncated file, or a damaged header or table</exception>
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

    /// <summary>Refuses a tokenizer other than the one that made the store, because ids would have another meaning.</summary>
    public void RequireTokenizer(ITokenizer tokenizer)
    {
        if (TokenizerFingerprint.Compute(tokenizer) != Fingerprint)
        {
            throw new SkipwiseException(
                $"{_path}: made with another tokenizer (vocabulary of {VocabularySize}) than the model's (vocabulary of " +
                $"{tokenizer.VocabularySize}); write it again with `skipwise prepare`");
        }
    }

    /// <summary>Refuses a store with ids beyond a model's embedding.</summary>
    /// <param name="rows">of the model's embedding</param>
    /// <exception cref="SkipwiseException">there is such an id; the message names the first</exception>
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

    /// <inheritdoc/>
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
    /// Refuses a file that was changed in place: access to a mapping of a truncated file crashes the process, and one that was rewritten
    /// contains other text. A new file under the same name is harmless.
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
            throw new SkipwiseException(
                $"{path}: damaged token store: it has {length} bytes where its header tells of {header.FileLength}. Write it again with " +
                $"`skipwise prepare`");
        }
        if (header.Documents is < 0 or > int.MaxValue - 64 || header.Tokens < 0 || header.VocabularySize <= 0)
        {
            throw new SkipwiseException(
                $"{path}: damaged token store: it tells of {header.Documents} documents, {header.Tokens} tokens, a vocabulary of " +
                $"{header.VocabularySize}");
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
            throw new SkipwiseException(
                $"{_path}: damaged token store: its table of documents is not in order. Write it again with `skipwise prepare`");
        }
    }
}
