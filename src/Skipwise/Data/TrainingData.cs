using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Data;

/// <summary>Opens tokenized documents for a run: an existing token store, or a new one made from text.</summary>
internal static class TrainingData
{
    /// <summary>File extension of token stores.</summary>
    public const string StoreExtension = ".tokens";

    /// <summary>Opens the token store of the data, or creates one from text.</summary>
    /// <param name="data">text, or one token store</param>
    /// <param name="tokenizer">the model's</param>
    /// <param name="storePath">path of a new store; a resumed run reuses an existing one</param>
    /// <param name="reuse">whether an existing store may be reused</param>
    /// <exception cref="SkipwiseException">the text cannot be read, or the store is of another tokenizer</exception>
    public static TokenStore Open(DataOptions data, ITokenizer tokenizer, string storePath, bool reuse,
        IProgress<TokenizationProgress>? progress, CancellationToken stop)
    {
        if (OpenStore(data, tokenizer) is { } store)
        {
            return store;
        }
        if (!reuse || !File.Exists(storePath))
        {
            Tokenization.Write(data.Read(), tokenizer, storePath, progress, stop);
        }
        else if (data.Texts is not null)
        {
            RequireTexts(data, tokenizer, storePath, progress, stop);
        }
        return Checked(TokenStore.Open(storePath), tokenizer);
    }

    /// <summary>
    /// Requires that a store holds the tokens of texts in memory. Files are identified by their number and size; texts have neither, so
    /// they are tokenized again.
    /// </summary>
    private static void RequireTexts(
        DataOptions data, ITokenizer tokenizer, string storePath, IProgress<TokenizationProgress>? progress, CancellationToken stop)
    {
        string again = Path.Combine(Path.GetDirectoryName(storePath)!, Path.GetRandomFileName() + StoreExtension);
        try
        {
            Tokenization.Write(data.Read(), tokenizer, again, progress, stop);
            using TokenStore given = TokenStore.Open(again), kept = TokenStore.Open(storePath);
            if (given.ContentHash != kept.ContentHash)
            {
                throw new SkipwiseException(
                    $"{storePath}: holds the tokens of other texts than those given, so the run cannot be continued with them. Give the " +
                    "texts that it began with, or start a new run in another folder.");
            }
        }
        finally
        {
            File.Delete(again);
        }
    }

    /// <summary>Opens the data if it is a token store; null if it is text.</summary>
    /// <exception cref="SkipwiseException">the store is damaged, made with another tokenizer, or given together with other data</exception>
    public static TokenStore? OpenStore(DataOptions data, ITokenizer tokenizer)
    {
        string? store = data.Paths.FirstOrDefault(path => path.EndsWith(StoreExtension, StringComparison.Ordinal));
        if (store is not null && data.Paths.Count > 1)
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(DataOptions.Paths))} {store}: a token store cannot be combined with other data. Give it " +
                $"alone, or name the text files it was made from.");
        }
        return store is null ? null : Checked(TokenStore.Open(store), tokenizer);
    }

    private static TokenStore Checked(TokenStore store, ITokenizer tokenizer)
    {
        try
        {
            store.RequireTokenizer(tokenizer);
            if (tokenizer is BoundedTokenizer bounded)
            {
                store.RequireBelow(bounded.Rows);
            }
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }
}
