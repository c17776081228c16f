using System.Diagnostics.Metrics;
using Skipwise.Inference;

namespace Skipwise.Server;

/// <summary>What /metrics shows of the server's models and requests, beside ASP.NET Core's own figures.</summary>
internal sealed class ServerMetrics : IDisposable
{
    /// <summary>name of the meter</summary>
    public const string Name = "Skipwise.Server";

    private static readonly double[] s_seconds =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    private readonly Meter _meter = new(Name);
    private readonly Histogram<double> _firstToken, _betweenTokens;

    public ServerMetrics(ServedModels models)
    {
        void Gauge(string name, string unit, string description, Func<EngineStatistics, double> value) =>
            _meter.CreateObservableGauge(name, () => Observe(models, value), unit, description);
        void Counter(string name, string description, Func<EngineStatistics, double> value) =>
            _meter.CreateObservableCounter(name, () => Observe(models, value), null, description);
        Gauge("skipwise.requests.waiting", "", "texts that wait", engine => engine.Waiting);
        Gauge("skipwise.requests.running", "", "texts that are computed", engine => engine.Running);
        Gauge("skipwise.kv_cache.size", "By", "memory of keys and values", engine => engine.CacheBytes);
        Gauge("skipwise.kv_cache.used", "By", "memory of keys and values of texts and kept prefixes", engine => engine.CacheBytesInUse);
        Counter("skipwise.tokens.prompt", "tokens of prompts", engine => engine.PromptTokens);
        Counter("skipwise.tokens.cached", "tokens of prompts that were read before", engine => engine.CachedTokens);
        Counter("skipwise.tokens.generated", "tokens generated", engine => engine.GeneratedTokens);
        Counter("skipwise.preemptions", "texts that gave up their keys and values to earlier ones", engine => engine.Preemptions);
        Histogram<double> Seconds(string name, string description) => _meter.CreateHistogram(name, "s", description, tags: null,
            new InstrumentAdvice<double> { HistogramBucketBoundaries = s_seconds });
        _firstToken = Seconds("skipwise.time_to_first_token", "from the request to its first token");
        _betweenTokens = Seconds("skipwise.time_between_tokens", "between tokens of one text");
    }

    public void FirstToken(string model, TimeSpan time) =>
        _firstToken.Record(time.TotalSeconds, new KeyValuePair<string, object?>("model", model));

    public void NextToken(string model, TimeSpan time) =>
        _betweenTokens.Record(time.TotalSeconds, new KeyValuePair<string, object?>("model", model));

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<double>> Observe(ServedModels models, Func<EngineStatistics, double> value) =>
        models.All.Select(served =>
            new Measurement<double>(value(served.Engine.Statistics), new KeyValuePair<string, object?>("model", served.Name)));
}
