using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Encodes (context, continuation) pairs as requests, as the harness does. Thread-safe.</summary>
internal sealed class RequestEncoder
{
    private readonly ITokenizer _tokenizer;
    private readonly int _window;
    private readonly int? _bos; // prepended to every text
    private readonly int _start; // the token of an empty context

    /// <param name="window">the model's longest input in tokens</param>
    /// <param name="bos">the model's, if the tokenizer defines none</param>
    /// <param name="eos">the model's, if the tokenizer defines none</param>
    /// <exception cref="SkipwiseException">a BOS is requested, but there is none</exception>
    public RequestEncoder(ITokenizer tokenizer, TaskOptions options, int window, int? bos = null, int? eos = null)
    {
        (_tokenizer, _window) = (tokenizer, window);
        (bos, eos) = (tokenizer.BosId ?? bos, tokenizer.EosId ?? eos);
        bool addsBos = options.Bos == BosMode.Always || (options.Bos == BosMode.Auto && tokenizer.AddsBos);
        _bos = !addsBos ? null : bos ?? throw new SkipwiseException(
            $"A BOS token is wanted before every text ({OptionName.Of(nameof(TaskOptions.Bos))}, or a Gemma under " +
            $"{OptionName.Of(nameof(TaskOptions.Harness))} 0.4), but the model names none. " +
            $"Add bos_token_id to config.json, or use {OptionName.Of(nameof(TaskOptions.Bos))} none");
        _start = (options.Harness == HarnessVersion.V2023 ? eos ?? bos : bos ?? eos)
            ?? throw new SkipwiseException(
                "The model names neither a BOS nor an EOS token, and an empty context is one of them. Add bos_token_id to config.json");
    }

    /// <summary>The requests of a question, one per choice. A context that several choices share is tokenized once.</summary>
    public TaskRequest[] Encode(TaskPrompt prompt)
    {
        var contexts = new Dictionary<string, int[]>();
        return [.. prompt.Document.Choices.Select(choice => Encode(prompt.FewshotContext + choice.Context, choice.Continuation, contexts))];
    }

    /// <remarks>
    /// Spaces at the context's end move to the continuation, and both are tokenized as one text. The continuation's tokens are those after
    /// the context's own tokens. A text that is too long is truncated from the left.
    /// </remarks>
    private TaskRequest Encode(string context, string continuation, Dictionary<string, int[]> contexts)
    {
        int end = PythonText.TrimEnd(context).Length;
        (string head, string tail) = (context[..end], context[end..] + continuation);
        int[] before, after;
        if (head.Length == 0)
        {
            (before, after) = ([_start], _tokenizer.Encode(tail));
        }
        else
        {
            if (!contexts.TryGetValue(head, out before!))
            {
                contexts[head] = before = WithBos(_tokenizer.Encode(head));
            }
            int[] whole = WithBos(_tokenizer.Encode(head + tail));
            after = whole.Length > before.Length ? whole[before.Length..] : [];
        }
        int[] tokens = [.. before, .. after];
        int cut = Math.Max(0, tokens.Length - _window - 1);
        int[] kept = tokens[cut..];
        int scored = Math.Min(after.Length, kept.Length - 1);
        return new(cut, kept, scored, IsContinuationCut: scored < after.Length);
    }

    /// <summary>Prepends BOS, unless the text already begins with it.</summary>
    private int[] WithBos(int[] ids) => _bos is { } bos && (ids.Length == 0 || ids[0] != bos) ? [bos, .. ids] : ids;
}
