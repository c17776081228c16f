namespace Skipwise.Models.Fused;

/// <summary>
/// Which keys a query sees, when the queries are the last of the tokens that the keys stand for: no later token, and of the earlier ones the last W.
/// </summary>
/// <param name="Queries">T</param>
/// <param name="Keys">S, at least T</param>
/// <param name="Window">W: a token sees itself and the W - 1 before it; S sees all</param>
internal readonly record struct Sight(int Queries, int Keys, int Window)
{
    /// <summary>tokens before the first query</summary>
    private int Before => Keys - Queries;

    public int FirstKey(int query) => Math.Max(0, query + Before - Window + 1);

    public int LastKey(int query) => Math.Min(Keys - 1, query + Before);

    /// <summary>the first query that sees the key</summary>
    public int FirstQuery(int key) => Math.Max(0, key - Before);

    /// <summary>the last query that sees the key, if any does</summary>
    public int LastQuery(int key) => (int)Math.Min(Queries - 1, (long)key - Before + Window - 1);

    /// <summary>Cuts the queries where blocks begin, so that every part has about as many keys to see.</summary>
    /// <returns>where parts begin, and the end</returns>
    public int[] QueryParts(int parts, int block)
    {
        Sight sight = this;
        return Cut(Queries, block, parts, query => sight.LastKey(query) - sight.FirstKey(query) + 1L);
    }

    /// <summary>The same for keys and the queries that see them.</summary>
    /// <inheritdoc cref="QueryParts"/>
    public int[] KeyParts(int parts, int block)
    {
        Sight sight = this;
        return Cut(Keys, block, parts, key => Math.Max(0L, sight.LastQuery(key) - sight.FirstQuery(key) + 1L));
    }

    private static int[] Cut(int tokens, int block, int parts, Func<int, long> work)
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
