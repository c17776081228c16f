using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;

namespace Skipwise.Reproduction;

/// <summary>
/// What an experiment asks for numbers: perplexity, passkeys, benchmarks of a variant for all seeds. Each is computed on the first request
/// of any experiment, after the training that it needs, and kept on disk.
/// </summary>
internal sealed partial class ReproductionContext : IDisposable
{
    private const string MeasurementVersion = "1"; // rises when an evaluator gives other numbers
    private const double Anywhere = 1; // the depth of a key

    private readonly ReproductionProgress _progress;
    private readonly WorkTimes _times;
    private readonly CancellationToken _stop;
    private readonly Dictionary<string, BaseModel> _bases = [];

    /// <param name="baseFolder">the base model of variants that name none</param>
    /// <param name="outFolder">receives models and measurements</param>
    /// <param name="writesTimes">whether this process writes down how long work takes; one of several does</param>
    public ReproductionContext(string baseFolder, string outFolder, ReproductionScale scale, ReproductionProgress progress,
        CancellationToken stop, bool writesTimes = true)
    {
        (Scale, Out, _progress, _stop) = (scale, outFolder, progress, stop);
        Base = new BaseModel(baseFolder, scale);
        _times = new WorkTimes(writesTimes ? Path.Combine(outFolder, "times.jsonl") : null);
        Models = new TrainedModels(Path.Combine(outFolder, "models"), scale, BaseOf, progress, _times, stop);
        Measured = new Measurements(Path.Combine(outFolder, "measurements"));
    }

    /// <summary>The run's base model.</summary>
    public BaseModel Base { get; }

    /// <summary>Lc of the run's base, in tokens</summary>
    public int Window => Base.Window;

    public ReproductionScale Scale { get; }

    /// <summary>The seconds of what was computed.</summary>
    public WorkTimes Times => _times;

    /// <summary>The folder of all results.</summary>
    public string Out { get; }

    public TrainedModels Models { get; }

    /// <summary>The cache, for measurements of other kinds.</summary>
    public Measurements Measured { get; }

    /// <summary>The seeds of a variant; one that is not trained has a single one.</summary>
    public IReadOnlyList<ulong> SeedsOf(Variant variant) =>
        [.. Enumerable.Range(1, variant.IsTrained ? variant.Seeds ?? Scale.Seeds : 1).Select(seed => (ulong)seed)];

    /// <summary>The base of a variant.</summary>
    public BaseModel BaseOf(Variant variant)
    {
        if (variant.Base is not { } folder)
        {
            return Base;
        }
        if (!_bases.TryGetValue(folder, out BaseModel? known))
        {
            _bases[folder] = known = new BaseModel(folder, Scale);
        }
        return known;
    }

    /// <summary>Perplexity with windows of <paramref name="multiple"/> times the base's, by seed and held-out document. Every token of
    /// every document counts once. Its context is at least half a window, or all that stands before it.</summary>
    public SeedSamples Perplexity(Variant variant, int multiple) =>
        new([.. SeedsOf(variant).Select(seed => PerplexityOf(variant, seed, multiple).Documents)], variant.IsTrained);

    /// <summary>Passkeys found (1) or not (0) in prompts of <paramref name="multiple"/> times the base's window, by seed and
    /// trial.</summary>
    public SeedSamples Passkey(Variant variant, int multiple) => Passkey(variant, multiple, Anywhere);

    /// <summary>As <see cref="Passkey(Variant, int)"/>, with every key in the prompt's first window: only the longest distances reach it
    /// from the question.</summary>
    public SeedSamples FirstWindowPasskey(Variant variant, int multiple) => Passkey(variant, multiple, FirstWindow(multiple));

    /// <summary>The trainings and measurements of variants, for all seeds.</summary>
    /// <param name="perplexity">windows, in multiples of the base's</param>
    /// <param name="passkey">lengths of prompts, in multiples of the base's window</param>
    /// <param name="firstWindowPasskey">the same, for keys in the first window</param>
    public IEnumerable<PlannedWork> Plan(IEnumerable<Variant> variants, IReadOnlyList<int> perplexity, IReadOnlyList<int> passkey,
        IReadOnlyList<int>? firstWindowPasskey = null)
    {
        (int Multiple, double MaxDepth)[] prompts = Prompts(passkey, firstWindowPasskey);
        foreach ((Variant variant, ulong seed) in variants.SelectMany(variant => SeedsOf(variant).Select(seed => (variant, seed))))
        {
            string model = Models.Key(variant, seed);
            BaseModel start = BaseOf(variant);
            PlannedWork[] measurements =
            [
                .. perplexity.Select(multiple => new PlannedWork($"{model} perplexity {multiple}", model, "perplexity",
                    2L * Scale.Documents * BaseModel.DocumentWindows * start.Window, // windows overlap by half
                    () => Measured.Has(PerplexitySettings(variant, seed, multiple)), () => PerplexityOf(variant, seed, multiple))),
                .. prompts.Select(prompt => new PlannedWork(FormattableString.Invariant(
                    $"{model} passkey {prompt.Multiple} to depth {prompt.MaxDepth}"), model, "passkey",
                    (long)Scale.Trials * prompt.Multiple * start.Window,
                    () => Measured.Has(PasskeySettings(variant, seed, prompt.Multiple, prompt.MaxDepth)),
                    () => PasskeyOf(variant, seed, prompt.Multiple, prompt.MaxDepth))),
            ];
            foreach (PlannedWork work in WithTraining(variant, seed, measurements))
            {
                yield return work;
            }
        }
    }

    /// <summary>Measurements of a model, after its training if it is trained. Nobody needs the model any more when all are done.</summary>
    private IEnumerable<PlannedWork> WithTraining(Variant variant, ulong seed, IReadOnlyList<PlannedWork> measurements)
    {
        string model = Models.Key(variant, seed);
        return variant.IsTrained
            ?
            [
                new($"{model} train", model, $"train on windows of {Models.WindowOf(variant)}", 3 * Models.TokensOf(variant),
                    () => measurements.All(work => work.IsDone()) || Models.IsFinished(variant, seed), () => Models.Train(variant, seed)),
                .. measurements,
            ]
            : measurements;
    }

    /// <inheritdoc/>
    public void Dispose() => Models.Dispose();

    private PerplexityMeasurement PerplexityOf(Variant variant, ulong seed, int multiple) =>
        Measured.Get(PerplexitySettings(variant, seed, multiple), () =>
        {
            BaseModel start = BaseOf(variant);
            int window = multiple * start.Window;
            var options = new PerplexityOptions { Windows = [window], Stride = window / 2, MaxDocuments = null };
            PerplexityResult result = Timed($"perplexity of {variant.Name} at {window}", variant, seed, model =>
                PerplexityEvaluator.Evaluate(model, start.HeldOut, PerplexityTexts.BosId(start.Tokenizer, model.Config), options,
                    _progress.Evaluation, cancel: _stop).Single());
            return new PerplexityMeasurement(window, result.Perplexity, result.Samples!);
        });

    private SeedSamples Passkey(Variant variant, int multiple, double maxDepth) => new(
        [.. SeedsOf(variant).Select(seed => (IReadOnlyList<double>)
            [.. PasskeyOf(variant, seed, multiple, maxDepth).Trials.Select(trial => trial.Correct ? 1.0 : 0)])], variant.IsTrained);

    private PasskeyMeasurement PasskeyOf(Variant variant, ulong seed, int multiple, double maxDepth = Anywhere) =>
        Measured.Get(PasskeySettings(variant, seed, multiple, maxDepth), () =>
        {
            BaseModel start = BaseOf(variant);
            int length = multiple * start.Window;
            string where = maxDepth < Anywhere ? " with keys in the first window" : "";
            PasskeyResult result = Timed($"passkeys of {variant.Name} at {length}{where}", variant, seed, model =>
                PasskeyEvaluator.Evaluate(model, start.Tokenizer, start.Prompts(length, maxDepth), start.Passkey(length, maxDepth),
                    progress: _progress.Evaluation, cancel: _stop).Single());
            return new PasskeyMeasurement(length,
                [.. result.Trials.Select(trial => new MeasuredTrial(trial.Depth, trial.Key, trial.Answer, trial.Correct))]);
        });

    /// <summary>The largest depth of keys in the first window. An instruction stands before the filler, so that keys at a depth of 1 /
    /// multiple would lie beyond it.</summary>
    private static double FirstWindow(int multiple) => 0.5 / multiple;

    /// <summary>Lengths of prompts in windows, each with the largest depth of its keys.</summary>
    private static (int Multiple, double MaxDepth)[] Prompts(IReadOnlyList<int> passkey, IReadOnlyList<int>? firstWindowPasskey) =>
    [
        .. passkey.Select(multiple => (multiple, Anywhere)),
        .. (firstWindowPasskey ?? []).Select(multiple => (multiple, FirstWindow(multiple))),
    ];

    private T Timed<T>(string what, Variant variant, ulong seed, Func<CausalLM, T> measure)
    {
        CausalLM model = Models.Load(variant, seed); // trains it, if it has to be
        _stop.ThrowIfCancellationRequested();
        string words = variant.IsTrained ? $"{what}, seed {seed}" : what;
        _progress.Stage?.Report($"measuring {words}");
        return _times.Measure(words, () => measure(model));
    }

    private NamedValue[] PerplexitySettings(Variant variant, ulong seed, int multiple) =>
    [
        new("kind", "perplexity in sliding windows"), new("version", MeasurementVersion), new("model", Models.Key(variant, seed)),
        NamedValue.Of("window", multiple * BaseOf(variant).Window), NamedValue.Of("stride", multiple * BaseOf(variant).Window / 2),
        .. BaseOf(variant).HeldOutValues,
    ];

    private NamedValue[] PasskeySettings(Variant variant, ulong seed, int multiple, double maxDepth)
    {
        PasskeyOptions passkey = BaseOf(variant).Passkey(multiple * BaseOf(variant).Window, maxDepth);
        return
        [
            new("kind", "passkey, stratified depths"), new("version", MeasurementVersion), new("model", Models.Key(variant, seed)),
            NamedValue.Of("length", passkey.Lengths[0]), NamedValue.Of("trials", passkey.Trials), NamedValue.Of("seed", passkey.Seed),
            NamedValue.Of("max_new_tokens", passkey.MaxNewTokens), NamedValue.Of("max_depth", passkey.MaxDepth),
            new("corpus.version", BaseModel.TextVersion),
        ];
    }
}
