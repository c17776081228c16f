using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>The batch of an <see cref="InferenceEngine"/>, and what is computed of it at a time. Used by one thread.</summary>
/// <param name="model">that all texts are continued with</param>
/// <param name="pool">memory of their keys and values</param>
/// <param name="cache">for reading prompts</param>
/// <param name="decode">computes single tokens</param>
internal sealed class EngineRound(CausalLM model, KvPagePool pool, PagedCache cache, IDecodeStep decode)
{
    // B texts, V vocabulary
    private readonly List<EngineText> _running = []; // in the order in which they joined
    private readonly List<EngineText> _preempted = [];
    private int _turn; // index of the text that was read last

    public int Running => _running.Count;

    public long CachedTokens { get; private set; }

    public long GeneratedTokens { get; private set; }

    public long Preemptions { get; private set; }

    /// <summary>Whether a text's tokens so far, and one more, find room beside the texts of the batch.</summary>
    public bool HasRoomFor(EngineText text)
    {
        if (_running.Count == 0)
        {
            return true;
        }
        int shared = pool.Prefixes.CountInUse(text.ReadableTokens, text.RotationLength);
        return _running.SelectMany(other => other.Cache.Pages).Distinct().Count()
            + KvPageLayout.PagesFor(text.Tokens.Count + 1) - shared <= pool.Capacity;
    }

    public void Add(EngineText text)
    {
        _running.Add(text);
        TakeKept(text);
        if (text.Tokens.Count == text.PromptTokens) // nothing of it is known yet
        {
            text.Generation.CachedTokens = text.Cache.Length;
            text.Generation.PromptScores = [];
            CachedTokens += text.Cache.Length;
        }
    }

    /// <summary>Reads a part of one prompt, then computes a token of every text that is read.</summary>
    /// <returns>texts that had to give up their pages and left the batch</returns>
    public EngineText[] Run()
    {
        foreach (EngineText text in _running.Where(text => text.Generation.IsAbandoned).ToArray())
        {
            Remove(text, text.Generation.Cancelled());
        }
        if (NextReader() is { } reading)
        {
            Try([reading], () => Read(reading));
        }
        foreach (EngineText text in _running.Where(text => !text.IsReading && !text.KeepsRotation))
        {
            text.ReadFromStart();
        }
        foreach (EngineText text in _running.Where(text => !text.IsReading).ToArray())
        {
            if (_running.Contains(text))
            {
                Try([text], () => Reserve(text, 1));
            }
        }
        EngineText[] rows = [.. _running.Where(text => !text.IsReading && text.Cache.HasRoom)];
        if (rows.Length > 0)
        {
            Try(rows, () => Decode(rows));
        }
        EngineText[] preempted = [.. _preempted];
        _preempted.Clear();
        return preempted;
    }

    /// <summary>Ends all texts with an error.</summary>
    public void End(Exception error)
    {
        foreach (EngineText text in _running.ToArray())
        {
            Remove(text, error);
        }
    }

    /// <summary>An error ends the texts that it met, and no others.</summary>
    private void Try(EngineText[] texts, Action work)
    {
        try
        {
            work();
        }
        catch (Exception error) // whatever it is: the other texts and later requests go on
        {
            foreach (EngineText text in texts)
            {
                Remove(text, error);
            }
        }
    }

    /// <summary>The text that is read next: all in turn, so that a long prompt does not keep short ones waiting.</summary>
    private EngineText? NextReader()
    {
        for (int i = 0; i < _running.Count; i++)
        {
            _turn = (_turn + 1) % _running.Count;
            if (_running[_turn].IsReading)
            {
                return _running[_turn];
            }
        }
        return null;
    }

    /// <summary>Takes over what was read, by other texts too, of the same tokens. The last token is always computed, for its logits, and
    /// all if they are scored.</summary>
    private void TakeKept(EngineText text)
    {
        if (!text.Generation.Request.ScoresPrompt && text.Cache.Length % KvPageLayout.PageTokens == 0)
        {
            text.Cache.TakeOver(pool.Prefixes.Take(text.ReadableTokens, text.RotationLength));
        }
    }

    private void Read(EngineText text)
    {
        TakeKept(text);
        if (!text.IsReading) // another text has read all that this one had to
        {
            return;
        }
        int start = text.Cache.Length, count = Math.Min(KvPageLayout.PageTokens, text.ReadEnd - start);
        if (!Reserve(text, count))
        {
            return;
        }
        using var scope = NewDisposeScope();
        cache.Text = text.Cache;
        Tensor ids = TokenTensor.Create(model, [[.. text.Tokens.Skip(start).Take(count)]]);
        Tensor? last = null;
        Prefill.Run(model, ids, cache.NextPositions(count), cache, text.RotationLength, count, (_, hidden) =>
        {
            if (text.Generation.Request is { ScoresPrompt: true, TopLogProbabilities: { } top } && text.Tokens.Count == text.PromptTokens)
            {
                ScorePrompt(text, hidden[0], start, top);
            }
            last = hidden[0, count - 1].clone().MoveToOuterDisposeScope();
        });
        text.Cache.Advance(count);
        if (text.Cache.Length % KvPageLayout.PageTokens == 0
            && text.RotationLength == text.PromptTokens) // else the rotation changes again soon
        {
            text.Cache.TakeOver(pool.Prefixes.Keep(text.ReadTokens, text.Cache.Pages, text.RotationLength));
        }
        text.Generation.Request.PromptProgress?.Report(Math.Min(text.Cache.Length, text.PromptTokens));
        if (text.IsComplete)
        {
            SampleAll([text], model.Logits(last!).to(ScalarType.Float32).unsqueeze(0));
        }
    }

    private void Decode(EngineText[] rows)
    {
        using var scope = NewDisposeScope();
        Tensor logits = decode.Run([.. rows.Select(text => text.NextRow())]);
        foreach (EngineText text in rows)
        {
            text.Cache.Advance(1);
            if (text.Cache.Length == text.PromptTokens) // its last token was left
            {
                Try([text], () => text.Generation.Request.PromptProgress?.Report(text.PromptTokens));
            }
        }
        SampleAll(rows, logits);
    }

    /// <summary>Samples a token for each text whose tokens are all computed.</summary>
    /// <param name="logits">float32 [B, V]</param>
    private void SampleAll(EngineText[] rows, Tensor logits)
    {
        long[] best = [.. logits.argmax(-1).cpu().data<long>()];
        float[] sums = [.. logits.sum(-1).cpu().data<float>()]; // not finite if a logit is not
        for (int row = 0; row < rows.Length; row++)
        {
            EngineText text = rows[row];
            if (text.IsComplete)
            {
                Tensor own = logits[row];
                (int id, bool isFinite) = ((int)best[row], float.IsFinite(sums[row]));
                Try([text], () => Sample(text, own, id, isFinite));
            }
        }
    }

    /// <param name="logits">[V]</param>
    /// <param name="best">id of the largest</param>
    /// <param name="isFinite">false: one of them may be NaN or infinite</param>
    private void Sample(EngineText text, Tensor logits, int best, bool isFinite)
    {
        if (!isFinite)
        {
            FiniteCheck.RequireFinite(model, logits, "scores");
        }
        GeneratedToken token = text.Sample(logits, best);
        GeneratedTokens++;
        if (token.Finish is not null)
        {
            _running.Remove(text);
            text.Cache.Release();
        }
        text.Generation.Add(token);
    }

    /// <summary>Adds the scores of the prompt's tokens that follow these hidden states.</summary>
    /// <param name="hidden">[T, C]</param>
    /// <param name="start">place of the first</param>
    /// <param name="top">number of most probable tokens</param>
    private void ScorePrompt(EngineText text, Tensor hidden, int start, int top)
    {
        int count = (int)Math.Min(hidden.size(0), text.PromptTokens - 1 - start);
        int rows = (int)Math.Max(1, model.Budget.MaxLogits / model.Config.VocabSize);
        var scores = new List<TokenScore>(text.Generation.PromptScores);
        for (int done = 0; done < count; done += rows)
        {
            using var scope = NewDisposeScope();
            int now = Math.Min(rows, count - done);
            Tensor logits = model.Logits(hidden.narrow(0, done, now)).to(ScalarType.Float32);
            FiniteCheck.RequireFinite(model, logits, "scores");
            scores.AddRange(TokenScores.Of(logits, [.. text.Tokens.Skip(start + done + 1).Take(now)], top));
        }
        text.Generation.PromptScores = scores;
    }

    /// <summary>Takes pages for a text's next tokens. If all are in use, texts that joined later give up theirs.</summary>
    /// <returns>false: the text itself was the last</returns>
    private bool Reserve(EngineText text, int tokens)
    {
        while (!text.Cache.TryReserve(tokens))
        {
            EngineText last = _running[^1];
            _running.Remove(last);
            last.Cache.Release();
            _preempted.Add(last);
            Preemptions++;
            if (last == text)
            {
                return false;
            }
        }
        return true;
    }

    private void Remove(EngineText text, Exception error)
    {
        if (_running.Remove(text))
        {
            text.Cache.Release();
            text.Generation.Fail(error);
        }
    }
}
