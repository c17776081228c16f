using System.Diagnostics;
using System.Text;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;
using Skipwise.Positions;
using Skipwise.Reports;
using Skipwise.Runs;
using Skipwise.Storage;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>
/// The whole method on a small model: the base fails past its window; two fine-tunes on windows of the original length, equal except for
/// their positions, one without skips (the control) and one with (PoSE); then all are evaluated side by side.
/// </summary>
internal sealed class Demo
{
    public const string ReportName = "report.html", ResultsName = "results.json", TrialsName = "passkey-trials.jsonl";

    /// <summary>the bars of the fraction of passkeys found: where the model should find them, and where it should not</summary>
    public const double MostPasskeys = 0.95, FewPasskeys = 0.10;

    /// <summary>of held-out documents and prompts: the same for every run, so that runs can be compared</summary>
    public const ulong HeldOutSeed = 1;

    private const string Kind = "demo";

    private readonly DemoOptions _options;
    private readonly DemoProgress _progress;
    private readonly CancellationToken _stop;
    private readonly ITokenizer _tokenizer;
    private readonly int _window;
    private readonly PasskeyOptions _passkeyOptions;
    private readonly IReadOnlyList<PasskeyPrompt> _prompts; // the same for every variant
    private readonly Dictionary<string, double> _seconds = [];
    private readonly List<PerplexityPoint> _perplexity = [];
    private readonly List<PasskeyPoint> _passkey = [];
    private readonly List<DemoTrial> _trials = [];

    private Demo(DemoOptions options, DemoProgress progress, CancellationToken stop)
    {
        (_options, _progress, _stop) = (options, progress, stop);
        DecoderConfig model = HfConfig.ForModel(options.Model).Model;
        _tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(options.Model), model.VocabSize);
        _window = model.MaxPositionEmbeddings;
        long longest =
            (long)_window * Math.Max(Math.Max(16, options.ExtensionFactor + options.MarginWindows), options.LengthMultiples.Max());
        if (longest > int.MaxValue)
        {
            throw new SkipwiseException(
                $"{options.Model}: of its window of {_window} the demo would make texts of {longest} tokens, more than can be counted " +
                $"({int.MaxValue}). Give it a model with a shorter window; the demo is meant for small ones.");
        }
        _passkeyOptions = new PasskeyOptions { Lengths = Windows, Trials = options.Trials, Seed = HeldOutSeed };
        _prompts = PasskeyPrompt.All(_tokenizer, _passkeyOptions);
    }

    private int[] Windows => [.. _options.LengthMultiples.Select(multiple => multiple * _window)];

    private int Target => _options.ExtensionFactor * _window;

    private int PositionLimit => Target + (_options.MarginWindows * _window);

    /// <summary>Folder of the extended model.</summary>
    public static string ModelFolder(DemoOptions options) => Path.Combine(options.Out, DemoVariant.Pose);

    /// <summary>
    /// Runs everything and writes the model, <c>results.json</c>, <c>passkey-trials.jsonl</c> and <c>report.html</c> with its Markdown and
    /// plots.
    /// </summary>
    /// <exception cref="OperationCanceledException">stopped; no report is written, because half a comparison misleads</exception>
    /// <exception cref="SkipwiseException">the folder holds something other than a demo, or another process works in it</exception>
    public static DemoResults Run(DemoOptions options, DemoProgress progress, CancellationToken stop)
    {
        OptionCheck.Require("Demo", options);
        AtomicFolder.RequireEmptyOrOwned(options.Out, Kind, ignored: FolderClaim.LockName);
        using FolderClaim claim = FolderClaim.Acquire(options.Out, OptionName.Of(nameof(DemoOptions.Out)));
        var demo = new Demo(options, progress, stop);
        // the runs and the report in it keep lists of their own
        new FolderManifest(Kind, new Dictionary<string, FileChecksum>()).Write(options.Out);
        return demo.Run();
    }

    /// <summary>Seed of the text of a fine-tune. The base model was pretrained on the corpus of seed 1; fine-tunes read other
    /// documents.</summary>
    public static ulong TextSeed(ulong seed) => seed + 1000;

    /// <summary>Command line that does the same to the user's own model.</summary>
    public static string NextCommand(DemoOptions options) =>
        $"skipwise train --model YOUR-MODEL-FOLDER --data YOUR-TEXT --target-length {8 * 4096} --out extended";

    private DemoResults Run()
    {
        var documents = Timed("text", "writing text to train on and to measure with", () => (
            Training: SyntheticMix.Tokens(TrainingText(), SyntheticPart.Train, TextSeed(_options.Seed), _tokenizer),
            HeldOut: HeldOut()));

        using (PretrainedModel plain = PretrainedModel.Load(new ModelSource(_options.Model)))
        {
            Measure(DemoVariant.Base, plain.Model, documents.HeldOut);
        }
        using (PretrainedModel interpolated = FineTune.Load(Variant(DemoVariant.Interpolated, PositionMode.Short)))
        {
            Measure(DemoVariant.Interpolated, interpolated.Model, documents.HeldOut);
        }
        List<TrainingPoint> shortLosses = Train(DemoVariant.Short, PositionMode.Short, documents);
        List<TrainingPoint> poseLosses = Train(DemoVariant.Pose, PositionMode.Pose, documents);
        return Write(new() { [DemoVariant.Short] = shortLosses, [DemoVariant.Pose] = poseLosses }, documents.Training);
    }

    private List<TrainingPoint> Train(string variant, PositionMode positions, (TokenList Training, TokenList HeldOut) documents)
    {
        FineTuneOptions fineTune = Variant(variant, positions);
        using PretrainedModel pretrained = FineTune.Load(fineTune);
        var losses = new List<TrainingPoint>();
        Timed($"train {variant}", positions == PositionMode.Pose
                ? $"fine-tuning by PoSE: windows of {_window} tokens, positions below {PositionLimit}"
                : $"fine-tuning the control: the same windows, steps and rates, positions 0..{_window - 1}",
            () =>
            {
                var folder = new RunFolder(fineTune.Out);
                using FolderClaim claim = folder.Lock();
                TrainingOutcome outcome = TrainingRun.Run(
                    pretrained, Dataset(fineTune, documents.Training), _options.Training, fineTune,
                    FineTuneContract.Partial(fineTune), folder, new SaveOptions { EverySteps = 0, Overwrite = true },
                    new SynchronousProgress<StepMetrics>(step =>
                    {
                        losses.Add(new TrainingPoint(step.Step, step.Loss, step.LearningRate));
                        _progress.Training?.Report(step);
                    }), _stop);
                _stop.ThrowIfCancellationRequested();
                return outcome;
            });
        Measure(variant, pretrained.Model, documents.HeldOut);
        return losses;
    }

    private void Measure(string variant, CausalLM model, TokenList heldOut)
    {
        int[] windows = Windows;
        Timed($"measure {variant}", $"measuring {DemoVariant.Label(variant)} at {string.Join(", ", windows)} tokens", () =>
        {
            foreach (int window in windows)
            {
                // Every token of every document counts once per window, with at least half a window of context.
                var sliding = new PerplexityOptions { Windows = [window], Stride = window / 2 };
                PerplexityResult result =
                    PerplexityEvaluator.Evaluate(model, heldOut, _tokenizer.BosId!.Value, sliding, _progress.Evaluation, cancel: _stop)
                        .Single();
                _perplexity.Add(
                    new PerplexityPoint(variant, window, result.Perplexity, result.StandardError ?? double.NaN, result.Documents));
            }
            foreach (PasskeyResult result in PasskeyEvaluator.Evaluate(model, _tokenizer, _prompts, _passkeyOptions,
                progress: _progress.Evaluation, cancel: _stop))
            {
                _passkey.Add(
                    new PasskeyPoint(variant, result.Length, result.Accuracy, result.Count)
                    {
                        Correct = result.Correct,
                        IntervalLow = result.Interval.Low,
                        IntervalHigh = result.Interval.High
                    });
                _trials.AddRange(
                    result.Trials.Select(t =>
                        new DemoTrial(variant, t.Length, t.Depth, $"{t.Key}", t.Answer, t.Correct)));
            }
            return true;
        });
    }

    private DemoResults Write(Dictionary<string, IReadOnlyList<TrainingPoint>> losses, TokenList training)
    {
        // Examples are a function of their index: the ones that the fine-tunes used can be drawn again.
        TrainingExample[] poseExamples = Examples(DemoVariant.Pose, PositionMode.Pose, training),
            shortExamples = Examples(DemoVariant.Short, PositionMode.Short, training);
        TrainOptions tuned = _options.Training;
        var results = new DemoResults
        {
            TrainLength = _window,
            TargetLength = Target,
            Perplexity = _perplexity,
            Passkey = _passkey,
            Seconds = _seconds,
            Model = Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_options.Model))),
            Rope = FormattableString.Invariant($"{Skipwise.Rope.RopeTypeNames.NameOf(_options.Rope)}, factor {_options.RopeFactor}"),
            Seed = (long)_options.Seed,
            LongestTrainingWindow = poseExamples.Concat(shortExamples).Max(example => example.InputIds.Length),
            Settings = new Dictionary<string, string>
            {
                ["fine-tune"] = FormattableString.Invariant(
                    $"{tuned.Steps} steps of {tuned.BatchSize} windows, AdamW, peak rate {tuned.LearningRate}"),
                ["positions"] = $"drawn below {PositionLimit}, one window past the target, so that its last distances are trained too",
                ["perplexity"] =
                    $"every token of {_options.Documents} held-out documents of {_options.LengthMultiples.Max() * _window} tokens; " +
                    $"windows slide by half their length",
                ["passkey"] = $"{_options.Trials} prompts per length, keys at {_options.Trials} depths spread over the filler",
            },
            Training = losses,
            Bars = Criteria(),
            Examples = [.. poseExamples.Take(5).Select(example => PositionRun.Split(example.PositionIds))],
        };
        var numbers = new OwnedFiles(Path.Combine(_options.Out, Path.GetFileNameWithoutExtension(ResultsName) + OwnedFiles.Ending));
        numbers.Write(
        [
            (ResultsName, Encoding.UTF8.GetBytes(results.Text())),
            (TrialsName, Encoding.UTF8.GetBytes(JsonLines.Text(_trials))),
        ]);
        ReportFiles.Write(Path.Combine(_options.Out, ReportName), DemoReport.Build(results, _trials, NextCommand(_options)));
        return results;
    }

    /// <summary>The success criteria.</summary>
    private IReadOnlyList<DemoCriterion> Criteria()
    {
        double Accuracy(string variant, int length) => _passkey.First(p => p.Variant == variant && p.Length == length).Accuracy;
        double Value(int length) => _perplexity.First(p => p.Variant == DemoVariant.Pose && p.Length == length).Value;
        int[] lengths = Windows;
        return
        [
            DemoCriterion.AtLeast($"base: passkey inside its window ({_window} tokens)", MostPasskeys, Accuracy(DemoVariant.Base, _window)),
            DemoCriterion.AtMost("base: passkey past its window, at best", FewPasskeys,
                lengths.Where(l => l > _window).Max(l => Accuracy(DemoVariant.Base, l))),
            DemoCriterion.AtLeast($"PoSE: passkey at every length up to {Target}, at worst", MostPasskeys,
                lengths.Where(l => l <= Target).Min(l => Accuracy(DemoVariant.Pose, l))),
            DemoCriterion.AtMost($"PoSE: perplexity at {Target} against its own at {_window}", Value(_window), Value(Target)),
        ];
    }

    private FineTuneOptions Variant(string variant, PositionMode positions) => new()
    {
        Model = _options.Model,
        Data = new DataOptions { Paths = [] },
        Out = Path.Combine(_options.Out, variant),
        TargetLength = PositionLimit,
        // the text stays contiguous and only positions skip: the simplest of the three that keeps passkeys in one window
        Positions = new PositionOptions { Mode = positions, Content = ContentMode.Contiguous },
        Rope = new RopeOverrides { Type = _options.Rope, Factor = _options.RopeFactor },
        MinDocumentTokens = 1,
        Training = _options.Training,
        Seed = _options.Seed,
    };

    private TrainingExample[] Examples(string variant, PositionMode positions, TokenList training) =>
        new ExampleCursor(Dataset(Variant(variant, positions), training)).Take(
            (int)TrainLoop.ExamplesAfter(_options.Training.Steps, _options.Training));

    private PoseDataset Dataset(FineTuneOptions fineTune, TokenList documents) =>
        FineTune.Dataset(fineTune, HfConfig.ForModel(_options.Model).Model, documents, _tokenizer);

    private SyntheticMixOptions TrainingText() =>
        new()
        {
            Documents = _options.TrainingDocuments,
            PasskeyFraction = _options.PasskeyFraction,
            Window = _window,
            LongestChronicle = 16 * _window
        };

    private TokenList HeldOut()
    {
        int length = _options.LengthMultiples.Max() * _window;
        return new([.. Enumerable.Range(0, _options.Documents).Select(index =>
            _tokenizer.Encode(
                SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.HeldOut, HeldOutSeed, (ulong)index,
                    TextLength.Tokens(length, _tokenizer))))]);
    }

    private T Timed<T>(string stage, string words, Func<T> work)
    {
        _stop.ThrowIfCancellationRequested();
        _progress.Stage?.Report(words);
        var clock = Stopwatch.StartNew();
        T result = work();
        _seconds[stage] = Math.Round(clock.Elapsed.TotalSeconds, 2);
        return result;
    }
}
