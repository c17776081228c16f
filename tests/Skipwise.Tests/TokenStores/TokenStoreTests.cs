using System.Buffers.Binary;
using System.Security.Cryptography;
using CsCheck;
using Skipwise.Data;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Positions;
using Skipwise.Tests.Tokenizers.Formats;
using Skipwise.TokenStores;

namespace Skipwise.Tests.TokenStores;

public class TokenStoreTests
{
    private static string Write(TempFolder folder, params int[][] documents)
    {
        string path = folder["data.tokens"];
        using var writer = new TokenStoreWriter(path, 1000, 0xABCDEF);
        foreach (int[] document in documents)
        {
            writer.Append(document);
        }
        writer.Complete();
        return path;
    }

    [Fact]
    public void Documents_come_back_as_they_were_written()
    {
        using var folder = new TempFolder();
        Gen.Int[0, 999].Array[0, 50].Array[0, 20].Sample(documents =>
        {
            using var store = TokenStore.Open(Write(folder, documents));
            Assert.Equal(documents.Length, store.Count);
            Assert.Equal((1000, 0xABCDEFUL, (long)documents.Sum(d => d.Length)), (store.VocabularySize, store.Fingerprint, store.Tokens));
            for (int i = 0; i < documents.Length; i++)
            {
                Assert.Equal(documents[i], store[i].ToArray());
            }
        }, iter: 200, threads: 1);
        Assert.Equal(["data.tokens"], Directory.GetFiles(folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public void The_bytes_are_those_of_the_documented_format()
    {
        using var folder = new TempFolder();
        byte[] bytes = File.ReadAllBytes(Write(folder, [7, 8], [], [9]));
        Assert.Equal("SKIPTOK\n"u8.ToArray(), bytes[..8]);
        Assert.Equal([2, 1000],
            [BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(8)), BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(12))]);
        Assert.Equal([0xABCDEF, 3, 3],
            Enumerable.Range(0, 3).Select(i => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(16 + (8 * i)))));
        Assert.Equal([7, 8, 9], Enumerable.Range(0, 3).Select(i => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(64 + (4 * i)))));
        Assert.Equal([0, 2, 2, 3], Enumerable.Range(0, 4).Select(i => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(76 + (8 * i)))));
        Assert.Equal(108, bytes.Length);
        Assert.Equal(SHA256.HashData(bytes.AsSpan(64))[..16], bytes[40..56]);
    }

    /// <summary>Documents are found by pointers: an index outside of the store must not reach memory.</summary>
    [Theory]
    [InlineData(-1), InlineData(2), InlineData(int.MinValue), InlineData(int.MaxValue)]
    public void There_is_no_document_outside_of_the_store(int document)
    {
        using var folder = new TempFolder();
        using var store = TokenStore.Open(Write(folder, [1, 2], [3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => store[document].Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.LengthOf(document));
    }

    /// <summary>
    /// What a run keeps to know its tokens again: the file's own note, so that no resumed run reads a store of a terabyte.
    /// </summary>
    [Fact]
    public void The_content_hash_is_that_of_tokens_and_documents_and_is_not_read_for()
    {
        using var folder = new TempFolder();
        string Hash(params int[][] documents)
        {
            using var store = TokenStore.Open(Write(folder, documents));
            return store.ContentHash;
        }
        string first = Hash([1, 2, 3], [4, 5]);
        Assert.Equal(first, Hash([1, 2, 3], [4, 5]));
        Assert.Equal(4, ((string[])[first, Hash([1, 2, 3], [4, 6]), Hash([1, 2], [3, 4, 5]), Hash([1, 2, 3, 4, 5])]).Distinct().Count());
        string path = Write(folder, [1, 2, 3], [4, 5]);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[64]++; // what only a reader would see
        File.WriteAllBytes(path, bytes);
        using var changed = TokenStore.Open(path);
        Assert.Equal(first, changed.ContentHash);
    }

    [Fact]
    public void A_store_of_version_1_is_read_and_has_the_same_content_hash()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3], [4, 5]);
        byte[] bytes = File.ReadAllBytes(path);
        string expected = Convert.ToHexStringLower([.. bytes[40..56].Reverse()]);
        bytes[8] = 1;
        bytes.AsSpan(40, 16).Clear();
        SHA256.HashData(bytes.AsSpan(0, 56)).AsSpan(0, 8).CopyTo(bytes.AsSpan(56));
        Assert.Equal(new TokenStoreHeader(1000, 0xABCDEF, 2, 5, null).ToBytes(), bytes[..64]);
        File.WriteAllBytes(path, bytes);
        using var store = TokenStore.Open(path);
        Assert.Equal([4, 5], store[1].ToArray());
        Assert.Equal(expected, store.ContentHash);
    }

    [Theory]
    [InlineData(0), InlineData(3)]
    public void A_store_of_another_version_is_an_error(int version)
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3]);
        byte[] bytes = File.ReadAllBytes(path);
        bytes[8] = (byte)version;
        SHA256.HashData(bytes.AsSpan(0, 56)).AsSpan(0, 8).CopyTo(bytes.AsSpan(56));
        File.WriteAllBytes(path, bytes);
        Assert.Contains($"version {version}; this Skipwise reads versions 1 to 2",
            Assert.Throws<SkipwiseException>(() => TokenStore.Open(path)).Message);
    }

    /// <summary>Lengths come from the table: a store of a terabyte is not read to find the documents that are long enough.</summary>
    [Fact]
    public void Lengths_are_known_without_reading_the_tokens()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3], [4], [5, 6]);
        byte[] bytes = File.ReadAllBytes(path);
        bytes.AsSpan(64, 6 * sizeof(int)).Fill(0x7F); // no token is one of the vocabulary: reading any document is an error
        File.WriteAllBytes(path, bytes);
        using var store = TokenStore.Open(path);
        Assert.Equal([3, 1, 2], Enumerable.Range(0, 3).Select(store.LengthOf));
        var pose = new PoseOptions { TrainLength = 2, TargetLength = 8 };
        Assert.Equal(2, new PoseDataset(store, pose, 1, null, minDocumentTokens: 2).Count);
        Assert.Equal([(0, 3)], PerplexityPlan.Documents(store, new PerplexityOptions { Windows = [3], MinTokens = 3, MaxDocuments = 1 }));
        Assert.Throws<SkipwiseException>(() => store[0].Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => store.LengthOf(3));
    }

    [Fact]
    public void Ids_that_a_model_has_no_row_for_are_found()
    {
        using var folder = new TempFolder();
        using var store = TokenStore.Open(Write(folder, [1, 2, 3], [4, 999], [5, 6]));
        store.RequireBelow(1000);
        string message = Assert.Throws<SkipwiseException>(() => store.RequireBelow(999)).Message;
        Assert.Contains("token 1 of document 1 has id 999, but the model's vocabulary has 999 ids", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cut_or_lengthened_file_is_an_error()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3], [4, 5]);
        byte[] bytes = File.ReadAllBytes(path);
        for (int length = 0; length < bytes.Length; length++)
        {
            File.WriteAllBytes(path, bytes[..length]);
            Assert.Contains(path, Assert.Throws<SkipwiseException>(() => TokenStore.Open(path)).Message);
        }
        File.WriteAllBytes(path, [.. bytes, 0]);
        Assert.Contains("109 bytes",
            Assert.Throws<SkipwiseException>(() => TokenStore.Open(path)).Message.Replace($"{bytes.Length + 1} bytes", "109 bytes"));
    }

    [Fact]
    public void Every_changed_byte_of_the_header_is_an_error()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3], [4, 5]);
        byte[] bytes = File.ReadAllBytes(path);
        for (int at = 0; at < 64; at++)
        {
            foreach (byte flip in (byte[])[0x01, 0x80, 0xFF])
            {
                byte[] damaged = [.. bytes];
                damaged[at] ^= flip;
                File.WriteAllBytes(path, damaged);
                Assert.Contains(path, Assert.Throws<SkipwiseException>(() => TokenStore.Open(path)).Message);
            }
        }
    }

    [Theory]
    [InlineData(long.MaxValue, 0L), InlineData(-1L, 0L), InlineData(0L, long.MaxValue), InlineData(0L, -5L), InlineData(-2L, 4L),
        InlineData(1L << 40, -(1L << 41))]
    public void A_header_that_lies_with_a_right_checksum_is_an_error(long documents, long tokens)
    {
        using var folder = new TempFolder();
        string path = folder.Write("lie", [.. new TokenStoreHeader(10, 0, documents, tokens, 0).ToBytes(), .. new byte[8]]);
        Assert.Contains("damaged", Assert.Throws<SkipwiseException>(() => TokenStore.Open(path)).Message);
    }

    /// <summary>ends[0] is 0, ends[D] is N, and none is below the one before.</summary>
    [Theory]
    [InlineData(1L, 3L, 5L), InlineData(-1L, 3L, 5L), InlineData(0L, 3L, 4L), InlineData(0L, 6L, 5L), InlineData(0L, -1L, 5L)]
    public void A_table_that_leaves_out_tokens_is_an_error(params long[] ends)
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3], [4, 5]);
        byte[] bytes = File.ReadAllBytes(path);
        Buffer.BlockCopy(ends, 0, bytes, bytes.Length - (8 * ends.Length), 8 * ends.Length);
        File.WriteAllBytes(path, bytes);
        Assert.Contains("damaged", Assert.Throws<SkipwiseException>(() => TokenStore.Open(path)).Message);
    }

    [Fact]
    public void A_damaged_body_gives_documents_or_an_error()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2, 3], [], [4, 5], [6]);
        byte[] bytes = File.ReadAllBytes(path);
        Gen.Select(Gen.Int[64, bytes.Length - 1], Gen.Byte).Array[1, 5].Sample(changes =>
        {
            byte[] damaged = [.. bytes];
            foreach (var (at, value) in changes)
            {
                damaged[at] = value;
            }
            File.WriteAllBytes(path, damaged);
            Robust.Try(() =>
            {
                using var store = TokenStore.Open(path);
                for (int i = 0; i < store.Count; i++)
                {
                    Assert.All(store[i].ToArray(), token => Assert.InRange(token, 0, 999));
                }
            });
        }, iter: 400, threads: 1);
    }

    [Fact]
    public void A_writer_that_does_not_complete_leaves_nothing()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1]);
        using (var writer = new TokenStoreWriter(path, 10, 0))
        {
            writer.Append([1, 2, 3]);
            Assert.Equal((1, 3), (writer.Documents, writer.Tokens));
            Assert.Contains("token 10 of document 1", Assert.Throws<SkipwiseException>(() => writer.Append([9, 10])).Message);
        }
        Assert.Equal([path], Directory.GetFiles(folder.Path));
        using var old = TokenStore.Open(path); // the file that was there is untouched
        Assert.Equal([1], old[0].ToArray());
    }

    [Fact]
    public void What_is_no_token_store_is_not_replaced()
    {
        using var folder = new TempFolder();
        string mine = folder.Write("notes.tokens", "irreplaceable");
        string message = Assert.Throws<SkipwiseException>(() => new TokenStoreWriter(mine, 10, 0)).Message;
        Assert.Contains("notes.tokens: exists and is no token store", message);
        Assert.Equal("irreplaceable", File.ReadAllText(mine));
        Assert.Equal([mine], Directory.GetFiles(folder.Path));
    }

    /// <summary>Memory over a file that became shorter would end the process without a word.</summary>
    [Fact]
    public void A_file_that_changes_while_it_is_used_is_an_error_and_one_that_takes_its_name_is_not()
    {
        using var folder = new TempFolder();
        string path = Write(folder, [1, 2], [3]);
        byte[] other = File.ReadAllBytes(path);
        using (var replaced = TokenStore.Open(path))
        {
            Write(folder, [4, 5], [6]); // by a rename
            Assert.Equal([1, 2], replaced[0].ToArray());
        }
        using var cut = TokenStore.Open(path);
        Assert.Equal([4, 5], cut[0].ToArray());
        using (var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
        {
            file.SetLength(70);
        }
        Assert.Contains("was changed while it was in use", Assert.Throws<SkipwiseException>(() => cut[0].Length).Message);
        File.WriteAllBytes(path, other); // as long as before, other tokens
        File.SetLastWriteTimeUtc(path, DateTime.UnixEpoch);
        Assert.Contains("was changed while it was in use", Assert.Throws<SkipwiseException>(() => cut[1].Length).Message);
    }

    [Fact]
    public void A_path_that_cannot_be_written_is_a_clear_error()
    {
        using var folder = new TempFolder();
        string file = folder.Write("file", "x");
        Assert.Contains(file, Assert.Throws<SkipwiseException>(() => new TokenStoreWriter(Path.Combine(file, "x.tokens"), 10, 0)).Message);
        Assert.Contains("none", Assert.Throws<SkipwiseException>(() => TokenStore.Open(folder["none"])).Message);
        Assert.Contains(folder.Path, Assert.Throws<SkipwiseException>(() => TokenStore.Open(folder.Path)).Message);
    }

    [Fact]
    public void A_closed_store_gives_no_document()
    {
        using var folder = new TempFolder();
        var store = TokenStore.Open(Write(folder, [1]));
        store.Dispose();
        store.Dispose();
        Assert.Throws<ObjectDisposedException>(() => store[0].Length);
    }
}
