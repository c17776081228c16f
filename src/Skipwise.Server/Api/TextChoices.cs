using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>The texts that one request asks for, generated at the same time.</summary>
internal sealed class TextChoices
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly Channel<(int Index, TextDelta? Delta, int Read)> _parts =
        Channel.CreateUnbounded<(int, TextDelta?, int)>(new() { SingleReader = true });
    private readonly TextGeneration[] _texts;
    private readonly int[] _read; // tokens of each text's prompt, as far as the reader was told
    private readonly string _model;
    private readonly ServerMetrics _metrics;

    /// <summary>Hands in all texts of a request.</summary>
    /// <param name="perPrompt">texts of each request, which differ in their random numbers</param>
    /// <param name="withProgress">whether the reader is told when more of the prompts has been read</param>
    /// <param name="cancel">ends them all</param>
    /// <exception cref="ApiException">too many requests wait: those of the texts that were handed in end with
    /// <paramref name="cancel"/></exception>
    public TextChoices(
        TextModel model, IReadOnlyList<TextRequest> requests, int perPrompt, bool withProgress, ServerMetrics metrics,
        CancellationToken cancel)
    {
        (_model, _metrics, _read) = (model.Name, metrics, new int[requests.Count * perPrompt]);
        _texts = [.. _read.Select((_, text) => model.TryGenerate(requests[text / perPrompt] with
        {
            Index = text % perPrompt,
            PromptProgress = withProgress ? new SynchronousProgress<int>(read => _parts.Writer.TryWrite((text, null, read))) : null,
        }, cancel) ?? throw ApiException.TooMany())];
    }

    public IReadOnlyList<TextGeneration> Texts => _texts;

    /// <summary>The parts of all texts, as they come. It is called once.</summary>
    public async IAsyncEnumerable<(int Index, TextDelta Delta)> ReadAsync()
    {
        await foreach ((int index, TextDelta? delta) in ReadWithProgressAsync().ConfigureAwait(false))
        {
            if (delta is not null)
            {
                yield return (index, delta);
            }
        }
    }

    /// <summary>The parts of all texts, as they come; null: more of the prompts has been read, and <see cref="Progress"/> has changed. It
    /// is called once.</summary>
    public async IAsyncEnumerable<(int Index, TextDelta? Delta)> ReadWithProgressAsync()
    {
        Task[] readers = [.. _texts.Select((text, index) => Task.Run(() => ForwardAsync(index, text)))];
        _ = Task.WhenAll(readers).ContinueWith(_ => _parts.Writer.TryComplete(), TaskScheduler.Default);
        await foreach ((int index, TextDelta? delta, int read) in _parts.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            if (delta is null)
            {
                _read[index] = read;
            }
            yield return (index, delta);
        }
    }

    /// <summary>How much of the prompts has been read, as llama.cpp's server says it.</summary>
    public JsonObject Progress() => new()
    {
        ["total"] = _texts.Sum(text => text.PromptTokens),
        ["cache"] = _texts.Sum(text => text.CachedTokens),
        ["processed"] = _read.Sum(),
        ["time_ms"] = (long)Stopwatch.GetElapsedTime(_start).TotalMilliseconds,
    };

    public (int Prompt, int Cached, int New) Usage(int perPrompt) => (
        _texts.Where((_, index) => index % perPrompt == 0).Sum(text => text.PromptTokens),
        _texts.Where((_, index) => index % perPrompt == 0).Sum(text => text.CachedTokens),
        _texts.Sum(text => text.NewTokens));

    private async Task ForwardAsync(int index, TextGeneration text)
    {
        long last = 0;
        try
        {
            await foreach (TextDelta delta in text.ReadDeltas().ConfigureAwait(false))
            {
                if (last == 0)
                {
                    _metrics.FirstToken(_model, Stopwatch.GetElapsedTime(_start));
                }
                else
                {
                    _metrics.NextToken(_model, Stopwatch.GetElapsedTime(last));
                }
                last = Stopwatch.GetTimestamp();
                _parts.Writer.TryWrite((index, delta, 0));
            }
        }
        catch (Exception error) // one text's is the request's
        {
            _parts.Writer.TryComplete(error is SkipwiseException ? new InvalidOperationException(error.Message, error) : error);
        }
    }
}
