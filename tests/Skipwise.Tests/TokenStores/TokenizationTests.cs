using Skipwise.Documents;
using Skipwise.Tests.Tokenizers;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Tests.TokenStores;

public class TokenizationTests
{
    private static ITokenizer LoadTokenizer(TinyBpe tiny)
    {
        using var folder = new TempFolder();
        folder.Write("tokenizer.json", tiny.LlamaJson());
        return TokenizerLoader.Load(folder.Path);
    }

    private static readonly ITokenizer s_tokenizer = LoadTokenizer(TinyBpe.AcrossWords());

    private static IEnumerable<Document> Some(int count) =>
        Enumerable.Range(0, count).Select(i => new Document(TinyBpe.Corpus[..(i % 100 * 2)] + i, $"d{i}"));

    [Fact]
    public void The_store_holds_the_documents_in_order()
    {
        using var folder = new TempFolder();
        var reports = new Reports();
        var totals = Tokenization.Write(Some(300), s_tokenizer, folder["t"], reports);
        using var store = TokenStore.Open(folder["t"]);
        Assert.Equal(300, store.Count);
        foreach (var (document, i) in Some(300).Select((d, i) => (d, i)))
        {
            Assert.Equal(s_tokenizer.Encode(document.Text), store[i].ToArray());
        }
        Assert.Equal(new TokenizationProgress(300, store.Tokens, Some(300).Sum(d => System.Text.Encoding.UTF8.GetByteCount(d.Text))),
            totals);
        Assert.Equal(totals, reports.Last);
        store.RequireTokenizer(s_tokenizer);
        store.RequireTokenizer(LoadTokenizer(TinyBpe.AcrossWords())); // the same vocabulary, loaded anew
        Assert.Contains("another tokenizer",
            Assert.Throws<SkipwiseException>(() => store.RequireTokenizer(LoadTokenizer(TinyBpe.AcrossWords(119)))).Message);
    }

    [Fact]
    public void Progress_rises_while_text_passes()
    {
        using var folder = new TempFolder();
        var reports = new Reports();
        string text = string.Concat(Enumerable.Repeat(TinyBpe.Corpus, 1000));
        Tokenization.Write(Enumerable.Range(0, 12).Select(i => new Document(text, "d")), s_tokenizer, folder["t"], reports);
        Assert.InRange(reports.Seen.Count, 3, 12);
        Assert.Equal(reports.Seen.OrderBy(r => r.Bytes), reports.Seen);
    }

    [Fact]
    public void A_long_document_does_not_delay_the_end()
    {
        using var folder = new TempFolder();
        using var cancel = new CancellationTokenSource();
        using var released = new ManualResetEventSlim();
        var slow = new SlowTokenizer(() =>
        {
            cancel.Cancel();
            released.Wait(ChildProcess.Limit, CancellationToken.None);
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Tokenization.Write(Some(1), slow, folder["t"], null, cancel.Token));
        Assert.False(released.IsSet); // it is still at work
        Assert.Empty(Directory.GetFiles(folder.Path));
        released.Set();
    }

    private sealed class SlowTokenizer(Action work) : ITokenizer
    {
        private bool _isProbed; // the fingerprint asks first
        public int VocabularySize => 1;
        public int? BosId => null;
        public int? EosId => null;
        public bool AddsBos => false;
        public string Decode(ReadOnlySpan<int> ids) => "";

        public int[] Encode(string text)
        {
            if (_isProbed)
            {
                work();
            }
            _isProbed = true;
            return [0];
        }
    }

    [Fact]
    public void Nothing_is_left_after_an_error_or_a_cancellation()
    {
        using var folder = new TempFolder();
        string path = folder["t"];
        Assert.Throws<SkipwiseException>(() => Tokenization.Write(Broken(), s_tokenizer, path));
        Assert.Contains("no text", Assert.Throws<SkipwiseException>(() => Tokenization.Write([], s_tokenizer, path)).Message);
        using var cancel = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Tokenization.Write(Cancelling(), s_tokenizer, path, null, cancel.Token));
        Assert.Empty(Directory.GetFiles(folder.Path));

        static IEnumerable<Document> Broken() => [.. Some(50), .. DocumentReader.Read(["nowhere.txt"], new())];

        IEnumerable<Document> Cancelling()
        {
            foreach (var document in Some(1000))
            {
                if (document.Origin == "d50")
                {
                    cancel.Cancel();
                }
                yield return document;
            }
        }
    }

    [Fact]
    public async Task Who_cancels_does_not_wait_for_a_long_document()
    {
        using var folder = new TempFolder();
        using var cancel = new CancellationTokenSource();
        using var endless = new EndlessTokenizer();
        Task writing = Task.Run(() => Tokenization.Write([new Document("endless", "d")], endless, folder["t"], null, cancel.Token));
        await endless.Begun;
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(TimeSpan.FromMinutes(1)));
        Assert.Empty(Directory.GetFiles(folder.Path));
    }

    /// <summary>Is at work until it is disposed.</summary>
    private sealed class EndlessTokenizer : ITokenizer, IDisposable
    {
        private readonly TaskCompletionSource _begun = new();
        private readonly ManualResetEventSlim _end = new();

        public Task Begun => _begun.Task;
        public int VocabularySize => s_tokenizer.VocabularySize;
        public bool AddsBos => false;
        public int? BosId => null;
        public int? EosId => null;

        public int[] Encode(string text)
        {
            if (text == "endless")
            {
                _begun.SetResult();
                _end.Wait();
            }
            return [];
        }

        public string Decode(ReadOnlySpan<int> ids) => "";

        public void Dispose() => _end.Set();
    }

    private sealed class Reports : IProgress<TokenizationProgress>
    {
        public List<TokenizationProgress> Seen { get; } = [];
        public TokenizationProgress Last => Seen[^1];
        public void Report(TokenizationProgress value) => Seen.Add(value);
    }
}
