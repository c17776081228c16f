using System.Text;
using Skipwise.Documents;
using Skipwise.Tokenizers;

namespace Skipwise.TokenStores;

/// <summary>Tokenizes documents into a token store.</summary>
/// <example>
/// <code>
/// using Skipwise.Documents;
/// using Skipwise.Tokenizers;
///
/// ITokenizer tokenizer = TokenizerLoader.Load("llama-2-7b");
/// Tokenization.Write(DocumentReader.Read(["books"], new()), tokenizer, "books.tokens");
/// </code>
/// </example>
public static class Tokenization
{
    /// <summary>Bytes of text between two progress reports.</summary>
    private const long ReportEvery = 1 << 20;

    /// <summary>
    /// Tokenizes the documents on all cores and writes them in order; the store's content does not depend on the number of cores.
    /// Documents without tokens are skipped. After an error or cancellation there is no file at the path.
    /// </summary>
    /// <returns>the totals</returns>
    /// <exception cref="SkipwiseException">an error of the documents or the disk, or no document has tokens</exception>
    public static TokenizationProgress Write(
        IEnumerable<Document> documents,
        ITokenizer tokenizer,
        string path,
        IProgress<TokenizationProgress>? progress = null,
        CancellationToken cancel = default)
    {
        using var writer = new TokenStoreWriter(path, tokenizer.VocabularySize, TokenizerFingerprint.Compute(tokenizer));
        long bytes = 0, reported = 0;
        foreach (var (tokens, length) in InOrder(documents, tokenizer, cancel))
        {
            if (tokens.Length > 0)
            {
                writer.Append(tokens);
            }
            bytes += length;
            if (bytes - reported >= ReportEvery)
            {
                reported = bytes;
                progress?.Report(new TokenizationProgress(writer.Documents, writer.Tokens, bytes));
            }
        }
        if (writer.Documents == 0)
        {
            throw new SkipwiseException($"{path} was not written: the data holds no text");
        }
        writer.Complete();
        var totals = new TokenizationProgress(writer.Documents, writer.Tokens, bytes);
        progress?.Report(totals);
        return totals;
    }

    /// <summary>
    /// Tokenizes with a short queue of documents: the oldest result is returned while the others are in progress. Cancellation does not
    /// wait for a long document.
    /// </summary>
    private static IEnumerable<(int[] Tokens, long Bytes)> InOrder(IEnumerable<Document> documents, ITokenizer tokenizer,
        CancellationToken cancel)
    {
        var inWork = new Queue<Task<(int[], long)>>();
        foreach (var document in documents)
        {
            cancel.ThrowIfCancellationRequested();
            inWork.Enqueue(Task.Run(() =>
                (OutOfMemory.Naming(document.Origin, () => tokenizer.Encode(document.Text)),
                    (long)Encoding.UTF8.GetByteCount(document.Text)), cancel));
            if (inWork.Count >= 4 * Environment.ProcessorCount)
            {
                yield return inWork.Dequeue().WaitAsync(cancel).GetAwaiter().GetResult();
            }
        }
        while (inWork.TryDequeue(out var oldest))
        {
            yield return oldest.WaitAsync(cancel).GetAwaiter().GetResult();
        }
    }
}
