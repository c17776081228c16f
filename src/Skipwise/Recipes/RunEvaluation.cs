using Skipwise.Evaluation;
using Skipwise.Models;
using Skipwise.Text;

namespace Skipwise.Recipes;

/// <summary>What a run measures on its way, and what follows from it.</summary>
public sealed record RunEvaluationOptions
{
    /// <summary>steps between measurements; 0 measures nothing. The last step is always measured otherwise</summary>
    [Within(0, 1e9, Name = "--eval-every", LeastMeans = "never")]
    public int Every { get; init; }
    /// <summary>held-out text for perplexity; null measures none</summary>
    public DataOptions? Data { get; init; }
    /// <summary>windows for perplexity, in tokens; empty: <see cref="ModelLengths"/></summary>
    [Within(2, 1 << 27, Name = "--eval-windows")]
    public IReadOnlyList<int> Windows { get; init; } = [];
    /// <summary>documents for perplexity: the first so many that fill the longest window</summary>
    [Within(1, 1e7, Name = "--eval-documents")]
    public int Documents { get; init; } = 20;
    /// <summary>lengths of passkey prompts, in tokens; empty: none</summary>
    [Within(1, 1 << 27, Name = "--eval-passkey-lengths")]
    public IReadOnlyList<int> PasskeyLengths { get; init; } = [];
    /// <summary>prompts per length</summary>
    [Within(1, 100000, Name = "--eval-passkey-trials")]
    public int PasskeyTrials { get; init; } = 20;
    /// <summary>the run ends after so many measurements without a better one; 0 never</summary>
    [Within(0, 1e9, Name = "--patience", LeastMeans = "never")]
    public int Patience { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    /// <exception cref="SkipwiseException">at least one is</exception>
    public void Validate()
    {
        var problems = new List<string>();
        bool isAsked = Data is not null || PasskeyLengths.Count > 0;
        if (Every > 0 && !isAsked) { problems.Add("--eval-every has nothing to measure; give --eval-data, --eval-passkey-lengths or both"); }
        if (Every == 0 && isAsked) { problems.Add("--eval-data and --eval-passkey-lengths need --eval-every, the steps between measurements"); }
        if (Every == 0 && Patience > 0) { problems.Add("--patience needs --eval-every: it counts measurements"); }
        if (PasskeyLengths.Distinct().Count() < PasskeyLengths.Count) { problems.Add("--eval-passkey-lengths names a length twice"); }
        OptionCheck.Require("Evaluation", this, problems);
    }
}

/// <summary>Everything that measuring on the way needs, ready before the first step: its errors should not wait for it.</summary>
internal sealed class RunEvaluation
{
    private readonly PerplexityOptions? _perplexity;
    private readonly TokenList? _documents;
    private readonly PasskeyOptions? _passkey;
    private readonly IReadOnlyList<PasskeyPrompt> _prompts = [];
    private readonly ITokenizer _tokenizer;
    private readonly int _bos;
    private readonly IProgress<EvaluationProgress>? _progress;

    private RunEvaluation(RunEvaluationOptions options, DecoderConfig model, ITokenizer tokenizer, IProgress<EvaluationProgress>? progress, CancellationToken stop)
    {
        (Options, _tokenizer, _progress) = (options, tokenizer, progress);
        if (options.Data is { } data)
        {
            IReadOnlyList<int> windows = options.Windows.Count > 0 ? options.Windows : ModelLengths.Of(model);
            _perplexity = new PerplexityOptions { Windows = windows, MaxDocuments = options.Documents, MinTokens = windows.Max() };
            _bos = EvaluatePerplexity.Bos(tokenizer, model);
            using TokenStore? store = TrainingData.OpenStore(data, tokenizer);
            ITokenSource source = store is not null ? store : EvaluatePerplexity.Read(data, tokenizer, _perplexity, stop);
            // Only the documents to be measured stay, in memory: the same ones every time.
            _documents = new TokenList([.. PerplexityPlan.Documents(source, _perplexity).Select(chosen => source[chosen.Document].ToArray())]);
        }
        if (options.PasskeyLengths.Count > 0)
        {
            _passkey = new PasskeyOptions { Lengths = options.PasskeyLengths, Trials = options.PasskeyTrials };
            _prompts = PasskeyPrompt.All(tokenizer, _passkey);
        }
    }

    public RunEvaluationOptions Options { get; }

    /// <returns>null when the options ask for none</returns>
    /// <param name="model">the extended model's configuration</param>
    /// <exception cref="SkipwiseException">text that cannot be read, no document long enough, prompts that do not fit</exception>
    public static RunEvaluation? Of(RunEvaluationOptions options, DecoderConfig model, ITokenizer tokenizer, IProgress<EvaluationProgress>? progress, CancellationToken stop)
    {
        options.Validate();
        return options.Every == 0 ? null : new RunEvaluation(options, model, tokenizer, progress, stop);
    }

    /// <exception cref="OperationCanceledException">cancelled; nothing was measured</exception>
    public IReadOnlyList<MeasuredPoint> Measure(CausalLM model, int step, CancellationToken cancel)
    {
        var points = new List<MeasuredPoint>();
        if (_perplexity is not null)
        {
            points.AddRange(Perplexity.Measure(model, _documents!, _bos, _perplexity, _progress, cancel)
                .Select(result => new MeasuredPoint(step, "perplexity", "perplexity", result.Window, result.Perplexity, result.StandardError, result.Count)));
        }
        if (_passkey is not null)
        {
            points.AddRange(Passkey.Measure(model, _tokenizer, _prompts, _passkey, progress: _progress, cancel: cancel)
                .Select(result => new MeasuredPoint(step, "passkey", "accuracy", result.Length, result.Accuracy, null, result.Count)));
        }
        return points;
    }
}
