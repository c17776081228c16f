namespace Skipwise.Inference;

/// <summary>The tokens that one text's newest token attends to, in all layers and heads, without those of little weight.</summary>
/// <remarks>A row's decode step fills it: threads call it at the same time, each for other heads.</remarks>
/// <param name="layers">L</param>
/// <param name="heads">H</param>
internal sealed unsafe class AttentionRecord(int layers, int heads)
{
    /// <summary>the least attention that is recorded: no head has more than 1 / this of them</summary>
    public const float Least = 1f / 64;

    private readonly List<TokenSource>[] _attended =
        [.. Enumerable.Range(0, layers * heads).Select(_ => new List<TokenSource>())]; // [L, H]
    private float[] _weights = []; // of the layer in progress, not normalized [H, T]
    private int _tokens;

    /// <summary>Prepares for a step.</summary>
    /// <param name="tokens">T: the text's, with the new one</param>
    public void Begin(int tokens)
    {
        _tokens = tokens;
        if (_weights.Length < heads * tokens)
        {
            _weights = new float[heads * (tokens + KvPageLayout.PageTokens)]; // texts grow
        }
        Array.ForEach(_attended, attended => attended.Clear());
    }

    /// <summary>Takes the weights e^(score - the page's largest) of some tokens of a page.</summary>
    /// <param name="head">the first of <paramref name="group"/> heads</param>
    /// <param name="token">the first of <paramref name="count"/> tokens</param>
    /// <param name="weights">[G, row]</param>
    public void TakePage(int head, int group, int token, int count, float* weights, int row)
    {
        for (int g = 0; g < group; g++)
        {
            new ReadOnlySpan<float>(weights + ((long)g * row), count).CopyTo(_weights.AsSpan(((head + g) * _tokens) + token));
        }
    }

    /// <summary>Normalizes a head's weights, whose pages were all taken.</summary>
    /// <param name="first">the first token that the head attends to</param>
    /// <param name="pages">the largest score of each page, and <paramref name="toSum"/> elements later the sum of its weights</param>
    /// <param name="stride">elements between pages</param>
    public void Normalize(int layer, int head, int first, float* pages, long stride, int toSum)
    {
        int firstPage = first / KvPageLayout.PageTokens, count = ((_tokens - 1) / KvPageLayout.PageTokens) - firstPage + 1;
        (float largest, float sum) = (float.NegativeInfinity, 0);
        for (int page = 0; page < count; page++)
        {
            largest = MathF.Max(largest, pages[page * stride]);
        }
        for (int page = 0; page < count; page++)
        {
            sum += MathF.Exp(pages[page * stride] - largest) * pages[(page * stride) + toSum];
        }
        for (int page = 0; page < count; page++)
        {
            float scale = MathF.Exp(pages[page * stride] - largest) / sum; // the largest of the page, because its weight is 1
            int start = (firstPage + page) * KvPageLayout.PageTokens, end = Math.Min(start + KvPageLayout.PageTokens, _tokens);
            for (int token = Math.Max(start, first); token < end && scale >= Least; token++)
            {
                float attention = _weights[(head * _tokens) + token] * scale;
                if (attention >= Least)
                {
                    _attended[(layer * heads) + head].Add(new(token, attention));
                }
            }
        }
    }

    /// <summary>What a head attends to, in the order of the tokens.</summary>
    public IReadOnlyList<TokenSource> Attended(int layer, int head) => _attended[(layer * heads) + head];

    /// <summary>The tokens that the token after this one was read off: equal ones of the prompt, as far as the head attends to them that
    /// attends most to equal ones.</summary>
    /// <param name="next">the token that was sampled</param>
    /// <param name="tokens">of the text</param>
    /// <param name="promptTokens">those of them that can be sources</param>
    public IReadOnlyList<TokenSource> SourcesOf(int next, IReadOnlyList<int> tokens, int promptTokens)
    {
        bool IsSource(TokenSource attended) => attended.Position < promptTokens && tokens[attended.Position] == next;
        List<TokenSource> most = _attended.MaxBy(attended => attended.Where(IsSource).Sum(source => source.Attention))!;
        return [.. most.Where(IsSource)];
    }
}
