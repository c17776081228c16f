namespace Skipwise.Kernels;

/// <summary>
/// The keys that each query may attend to, if the queries are the last T of the S tokens: no later token, and of the earlier ones the last
/// W.
/// </summary>
/// <param name="Queries">T</param>
/// <param name="Keys">S, at least T</param>
/// <param name="Window">W: a token attends to itself and the W - 1 before it; S: to all</param>
internal readonly record struct CausalWindow(int Queries, int Keys, int Window)
{
    /// <summary>tokens before the first query</summary>
    private int CachedTokens => Keys - Queries;

    public int FirstKey(int query) => Math.Max(0, query + CachedTokens - Window + 1);

    public int LastKey(int query) => Math.Min(Keys - 1, query + CachedTokens);

    /// <summary>the first query that attends to the key</summary>
    public int FirstQuery(int key) => Math.Max(0, key - CachedTokens);

    /// <summary>the last query that attends to the key, if any does</summary>
    public int LastQuery(int key) => (int)Math.Min(Queries - 1, (long)key - CachedTokens + Window - 1);

    /// <summary>Splits the queries at block boundaries into parts of about equal work.</summary>
    /// <returns>starts of the parts, and the end</returns>
    public int[] SplitQueries(int parts, int block)
    {
        CausalWindow window = this;
        return SplitEvenly(Queries, block, parts, query => window.LastKey(query) - window.FirstKey(query) + 1L);
    }

    /// <summary>Splits the keys likewise, by the queries that attend to them.</summary>
    /// <inheritdoc cref="SplitQueries"/>
    public int[] SplitKeys(int parts, int block)
    {
        CausalWindow window = this;
        return SplitEvenly(Keys, block, parts, key => Math.Max(0L, window.LastQuery(key) - window.FirstQuery(key) + 1L));
    }

    private static int[] SplitEvenly(int tokens, int block, int parts, Func<int, long> work)
    {
        long[] upTo = new long[((tokens + block - 1) / block) + 1];
        for (int i = 1; i < upTo.Length; i++)
        {
            int size = Math.Min(block, tokens - ((i - 1) * block));
            upTo[i] = upTo[i - 1] + (size * work(((i - 1) * block) + (size / 2)));
        }
        var bounds = new int[parts + 1];
        for (int part = 1, i = 0; part < parts; part++)
        {
            while (i < upTo.Length - 1 && upTo[i] * parts < upTo[^1] * part)
            {
                i++;
            }
            bounds[part] = Math.Min(tokens, i * block);
        }
        bounds[parts] = tokens;
        return bounds;
    }
}
