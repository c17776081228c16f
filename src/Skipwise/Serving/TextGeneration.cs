using Skipwise.Inference;
using Skipwise.Tokenizers;

namespace Skipwise.Serving;

/// <summary>A request that a <see cref="TextModel"/> has accepted.</summary>
public sealed class TextGeneration
{
    private const int Context = 4; // tokens that decide how the next is written

    private readonly Generation _generation;
    private readonly ITokenizer _tokenizer;
    private readonly TextRequest _request;
    private readonly List<int> _ids;
    private readonly List<IReadOnlyList<TokenSource>> _sources = []; // of each token of the text so far but punctuation

    internal TextGeneration(Generation generation, ITokenizer tokenizer, TextRequest request)
    {
        (_generation, _tokenizer, _request, _ids) = (generation, tokenizer, request, [.. request.Prompt.TakeLast(Context)]);
    }

    /// <summary>tokens of the prompt</summary>
    public int PromptTokens => _request.Prompt.Count;

    /// <inheritdoc cref="Generation.CachedTokens"/>
    public int CachedTokens => _generation.CachedTokens;

    /// <summary>tokens generated so far, one that ended the text included</summary>
    public int NewTokens { get; private set; }

    /// <summary>The prompt's tokens and their scores, if asked for; known with the first delta.</summary>
    public IReadOnlyList<TextToken> PromptScores()
    {
        if (_generation.PromptScores.Count == 0 && PromptTokens > 1)
        {
            return [];
        }
        int[] prompt = [.. _request.Prompt];
        return
        [
            new TextToken(prompt[0], TextOf("", [], prompt[0]), null, []),
            .. _generation.PromptScores.Select((score, i) => TokenOf(prompt[Math.Max(0, i + 1 - Context)..(i + 1)], score)),
        ];
    }

    /// <summary>The places of the prompt that the text so far was read off, those first that most comes from. Empty: there is no clear
    /// place. Null: it was not asked for.</summary>
    public IReadOnlyList<Evidence>? Evidence() => _request.FindsSources ? Serving.Evidence.Of(_sources) : null;

    /// <summary>The text of a part of the prompt, and the number of characters before it.</summary>
    /// <param name="start">its first token</param>
    /// <param name="end">the token after its last</param>
    public (string Text, int Offset) PromptText(int start, int end)
    {
        int[] before = [.. _request.Prompt.Take(start)];
        string whole = _tokenizer.Decode([.. before, .. _request.Prompt.Skip(start).Take(end - start)]);
        int offset = Math.Min(_tokenizer.Decode(before).Length, whole.Length);
        return (whole[offset..], offset);
    }

    /// <summary>The pieces of the text, one per token, each as soon as it is known. If the reader stops early, generation ends.</summary>
    /// <exception cref="SkipwiseException">the request failed, or the engine was stopped</exception>
    /// <exception cref="OperationCanceledException">the request was cancelled</exception>
    public async IAsyncEnumerable<TextDelta> ReadDeltas()
    {
        var decoder = new IncrementalDecoder(_tokenizer, _request.Prompt);
        var stops = new StopScanner(_request.StopTexts);
        var held = new List<IReadOnlyList<TokenSource>>(); // sources of tokens that may belong to a stop text
        await foreach (GeneratedToken token in _generation.ReadTokens().ConfigureAwait(false))
        {
            NewTokens++;
            bool isPart = token.Finish is not FinishReason.Stop;
            if (isPart && _request.FindsSources && !IsPunctuation(token.Id))
            {
                held.Add(token.Sources);
            }
            string text = isPart ? stops.Append(decoder.Append(token.Id)) : "";
            if (token.Finish is not null && !stops.IsFound)
            {
                text += stops.Append(decoder.Rest());
                text += stops.Rest();
            }
            if (!stops.IsFound && (text.Length > 0 || token.Finish is not null))
            {
                _sources.AddRange(held);
                held.Clear();
            }
            yield return new TextDelta(text, TokenOf(token), stops.IsFound ? FinishReason.Stop : token.Finish);
            if (stops.IsFound)
            {
                yield break;
            }
            _ids.Add(token.Id);
        }
    }

    /// <summary>The whole text.</summary>
    /// <inheritdoc cref="ReadDeltas"/>
    public async Task<(string Text, FinishReason Finish)> ReadAsync()
    {
        var text = new System.Text.StringBuilder();
        FinishReason finish = FinishReason.Stop;
        await foreach (TextDelta piece in ReadDeltas().ConfigureAwait(false))
        {
            text.Append(piece.Text);
            finish = piece.Finish ?? finish;
        }
        return (text.ToString(), finish);
    }

    /// <summary>Whether a token says nothing of its source: any sentence has one.</summary>
    private bool IsPunctuation(int id) => _tokenizer.Decode([id]).All(one => char.IsPunctuation(one) || char.IsWhiteSpace(one));

    private TextToken? TokenOf(GeneratedToken token) => token.Score is { } score ? TokenOf([.. _ids.TakeLast(Context)], score) : null;

    private TextToken TokenOf(int[] before, TokenScore score)
    {
        string start = _tokenizer.Decode(before);
        return new(score.Id, TextOf(start, before, score.Id), score.LogProbability,
            [.. score.Top.Select(top => new TextToken(top.Id, TextOf(start, before, top.Id), top.LogProbability, []))]);
    }

    /// <param name="start">text of the tokens before</param>
    private string TextOf(string start, int[] before, int id)
    {
        string whole = _tokenizer.Decode([.. before, id]);
        return whole.StartsWith(start, StringComparison.Ordinal) ? whole[start.Length..] : _tokenizer.Decode([id]);
    }
}
