using System.Diagnostics;
using System.Threading.Channels;
using Skipwise.Serving;

namespace Skipwise.Server.Api;

/// <summary>The texts that one request asks for, generated at the same time.</summary>
internal sealed class TextChoices
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly TextGeneration[] _texts;
    private readonly string _model;
    private readonly ServerMetrics _metrics;

    private TextChoices(TextGeneration[] texts, string model, ServerMetrics metrics) =>
        (_texts, _model, _metrics) = (texts, model, metrics);

    public IReadOnlyList<TextGeneration> Texts => _texts;

    /// <summary>Hands in all texts of a request.</summary>
    /// <param name="perPrompt">texts of each request, which differ in their random numbers</param>
    /// <param name="cancel">ends them all</param>
    /// <exception cref="ApiException">too many requests wait: those of the texts that were handed in end with
    /// <paramref name="cancel"/></exception>
    public static TextChoices Begin(
        TextModel model, IReadOnlyList<TextRequest> requests, int perPrompt, ServerMetrics metrics, CancellationToken cancel) =>
        new([.. requests.SelectMany(request => Enumerable.Range(0, perPrompt).Select(index =>
            model.TryGenerate(request with { Index = index }, cancel) ?? throw ApiException.TooMany()))], model.Name, metrics);

    /// <summary>The parts of all texts, as they come.</summary>
    public async IAsyncEnumerable<(int Index, TextDelta Delta)> ReadAsync()
    {
        var all = Channel.CreateUnbounded<(int, TextDelta)>(new() { SingleReader = true });
        Task[] readers = [.. _texts.Select((text, index) => Task.Run(() => ForwardAsync(index, text, all.Writer)))];
        _ = Task.WhenAll(readers).ContinueWith(
            done => all.Writer.TryComplete(done.Exception?.InnerException), TaskScheduler.Default);
        await foreach ((int, TextDelta) delta in all.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            yield return delta;
        }
    }

    public (int Prompt, int Cached, int New) Usage(int perPrompt) => (
        _texts.Where((_, index) => index % perPrompt == 0).Sum(text => text.PromptTokens),
        _texts.Where((_, index) => index % perPrompt == 0).Sum(text => text.CachedTokens),
        _texts.Sum(text => text.NewTokens));

    private async Task ForwardAsync(int index, TextGeneration text, ChannelWriter<(int, TextDelta)> all)
    {
        long last = 0;
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
            all.TryWrite((index, delta));
        }
    }
}
