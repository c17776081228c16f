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

    /// <summary>The prompt's tokens, with scores if asked for; the scores are known with the first piece.</summary>
    public IReadOnlyList<TextToken> PromptTexts()
    {
        var texts = new List<TextToken>();
        for (int i = 0; i < PromptTokens; i++)
        {
            int[] before = [.. _request.Prompt.Skip(Math.Max(0, i - Context)).Take(Math.Min(i, Context))];
            texts.Add(i == 0 || _generation.PromptScores.Count == 0
                ? new TextToken(_request.Prompt[i], TextOf(before, _request.Prompt[i]), null, [])
                : TokenOf(before, _generation.PromptScores[i - 1]));
        }
        return texts;
    }

    /// <summary>The pieces of the text, one per token, each as soon as it is known. If the reader stops early, generation ends.</summary>
    /// <exception cref="SkipwiseException">the request failed, or the engine was stopped</exception>
    /// <exception cref="OperationCanceledException">the request was cancelled</exception>
    public async IAsyncEnumerable<TextDelta> ReadDeltas()
    {
        var decoder = new IncrementalDecoder(_tokenizer, _request.Prompt);
        var stops = new StopScanner(_request.StopTexts);
        await foreach (GeneratedToken token in _generation.ReadTokens().ConfigureAwait(false))
        {
            NewTokens++;
            bool isPart = token.Finish is not FinishReason.Stop;
            string text = isPart ? stops.Append(decoder.Append(token.Id)) : "";
            if (token.Finish is not null && !stops.IsFound)
            {
                text += stops.Append(decoder.Rest());
                text += stops.Rest();
            }
            yield return new TextDelta(text, isPart ? TokenOf(token) : null, stops.IsFound ? FinishReason.Stop : token.Finish);
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

    private TextToken TokenOf(GeneratedToken token)
    {
        int[] before = [.. _ids.TakeLast(Context)];
        return token.Score is { } score ? TokenOf(before, score) : new TextToken(token.Id, TextOf(before, token.Id), null, []);
    }

    private TextToken TokenOf(int[] before, TokenScore score) => new(score.Id, TextOf(before, score.Id), score.LogProbability,
        [.. score.Top.Select(top => new TextToken(top.Id, TextOf(before, top.Id), top.LogProbability, []))]);

    private string TextOf(int[] before, int id)
    {
        string start = _tokenizer.Decode(before), whole = _tokenizer.Decode([.. before, id]);
        return whole.StartsWith(start, StringComparison.Ordinal) ? whole[start.Length..] : _tokenizer.Decode([id]);
    }
}
