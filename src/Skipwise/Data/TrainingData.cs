using Skipwise.TokenStores;
using Skipwise.Tokenizers;

namespace Skipwise.Data;

/// <summary>Tokenised documents for a run: an existing token store, or one made from text on the way.</summary>
public static class TrainingData
{
    /// <summary>How token stores are named.</summary>
    public const string StoreExtension = ".tokens";

    /// <param name="data">text, or one token store</param>
    /// <param name="tokenizer">the model's</param>
    /// <param name="storePath">where a new store goes; a store that a resumed run finds there is used again</param>
    /// <param name="reuse">whether that may be done</param>
    /// <exception cref="SkipwiseException">text that cannot be read, or a store of another tokenizer</exception>
    public static TokenStore Open(DataOptions data, ITokenizer tokenizer, string storePath, bool reuse, IProgress<TokenizationProgress>? progress, CancellationToken stop)
    {
        if (OpenStore(data, tokenizer) is { } store)
        {
            return store;
        }
        if (!reuse || !File.Exists(storePath))
        {
            Tokenization.Write(data.Read(), tokenizer, storePath, progress, stop);
        }
        return Checked(TokenStore.Open(storePath), tokenizer);
    }

    /// <summary>The token store that the data is, or null if it is text.</summary>
    /// <exception cref="SkipwiseException">a store that is damaged, made with another tokenizer, or named beside other data</exception>
    public static TokenStore? OpenStore(DataOptions data, ITokenizer tokenizer)
    {
        string? store = data.Paths.FirstOrDefault(path => path.EndsWith(StoreExtension, StringComparison.Ordinal));
        if (store is not null && data.Paths.Count > 1)
        {
            throw new SkipwiseException($"--data {store}: a token store cannot be combined with other data. Give it alone, or name the text files it was made from.");
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
