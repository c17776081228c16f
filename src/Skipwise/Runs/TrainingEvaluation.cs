using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Skipwise.Data;
using Skipwise.Distributed;
using Skipwise.Documents;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Models;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Runs;

/// <summary>Evaluation during training, prepared before the first step, so that its errors are reported early.</summary>
internal sealed class TrainingEvaluation
{
    private readonly PerplexityOptions? _perplexity;
    private readonly TokenList? _documents;
    private readonly PasskeyOptions? _passkey;
    private readonly IReadOnlyList<PasskeyPrompt> _prompts = [];
    private readonly ITokenizer _tokenizer;
    private readonly int _bos;
    private readonly IProgress<EvaluationProgress>? _progress;

    private TrainingEvaluation(TrainingEvaluationOptions options, DecoderConfig model, ITokenizer tokenizer,
        IProgress<EvaluationProgress>? progress, int? maxTokens, CancellationToken stop)
    {
        (Options, _tokenizer, _progress) = (options, tokenizer, progress);
        if (options.Data is { } data)
        {
            IReadOnlyList<int> windows = options.Windows.Count > 0 ? options.Windows : DefaultLengths.For(model);
            _perplexity = new PerplexityOptions
            {
                Windows = windows,
                MaxDocuments = options.Documents,
                MinTokens = windows.Max(),
                MaxTokens = maxTokens,
            };
            _bos = PerplexityTexts.BosId(tokenizer, model);
            using TokenStore? store = TrainingData.OpenStore(data, tokenizer);
            ITokenSource source = store is not null ? store
                : PerplexityTexts.Read(data.Read(), tokenizer, _perplexity, stop);
            // Only the documents to be evaluated are kept, in memory: the same ones every time.
            _documents =
                new TokenList([.. PerplexityPlan.Documents(source, _perplexity).Select(chosen => source[chosen.Document].ToArray())]);
            TextHash = HashOf(_documents);
        }
        if (options.PasskeyLengths.Count > 0)
        {
            _passkey = new PasskeyOptions { Lengths = options.PasskeyLengths, Trials = options.PasskeyTrials };
            _prompts = PasskeyPrompt.All(tokenizer, _passkey);
        }
    }

    public TrainingEvaluationOptions Options { get; }

    /// <summary>Hash of the tokens that perplexity is evaluated on; null without perplexity.</summary>
    public string? TextHash { get; }

    /// <summary>Windows for perplexity, in tokens; empty without perplexity.</summary>
    public IReadOnlyList<int> Windows => _perplexity?.Windows ?? [];

    private static string HashOf(TokenList documents)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int document = 0; document < documents.Count; document++)
        {
            hash.AppendData(BitConverter.GetBytes(documents[document].Length)); // document boundaries
            hash.AppendData(MemoryMarshal.AsBytes(documents[document]));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }

    /// <returns>null if the options ask for none</returns>
    /// <param name="model">the extended model's configuration</param>
    /// <param name="maxTokens">longer documents are cut to this many tokens; null keeps them whole</param>
    /// <exception cref="SkipwiseException">text that cannot be read, no document long enough, prompts that do not fit</exception>
    public static TrainingEvaluation? Create(TrainingEvaluationOptions options, DecoderConfig model, ITokenizer tokenizer,
        IProgress<EvaluationProgress>? progress, CancellationToken stop, int? maxTokens = null)
    {
        if (options.EverySteps == 0)
        {
            return null;
        }
        options.Validate();
        return new TrainingEvaluation(options, model, tokenizer, progress, maxTokens, stop);
    }

    /// <summary>Evaluates on all ranks, which get the same results: their decisions have to be the same. Ranks that each hold the model
    /// divide the work; with divided parameters, all do the same, for each forward needs all of them.</summary>
    /// <exception cref="OperationCanceledException">cancelled, on any rank; nothing was recorded</exception>
    public IReadOnlyList<EvaluationPoint> Evaluate(CausalLM model, int step, ICollective ranks, CancellationToken cancel)
    {
        if (model.Residence is null)
        {
            return ranks.Together<IReadOnlyList<EvaluationPoint>>(() => Measure(model, step, ranks, cancel), cancel);
        }
        // A rank that stopped within it would leave the others waiting for its parts.
        List<EvaluationPoint> own = Measure(model, step, null, CancellationToken.None);
        return ranks.IsAnyStopped(cancel) ? throw new OperationCanceledException(cancel) : ranks.FromFirst(() => own);
    }

    /// <exception cref="OperationCanceledException">cancelled; nothing was recorded</exception>
    public IReadOnlyList<EvaluationPoint> Evaluate(CausalLM model, int step, CancellationToken cancel) =>
        Measure(model, step, null, cancel);

    private List<EvaluationPoint> Measure(CausalLM model, int step, ICollective? dividing, CancellationToken cancel)
    {
        var points = new List<EvaluationPoint>();
        if (_perplexity is not null)
        {
            points.AddRange(PerplexityEvaluator.Evaluate(model, _documents!, _bos, _perplexity, _progress, dividing, cancel)
                .Select(result =>
                    new EvaluationPoint(step, "perplexity", "perplexity", result.Window, result.Perplexity, result.StandardError,
                        result.Count)));
        }
        if (_passkey is not null)
        {
            points.AddRange(PasskeyEvaluator.Evaluate(model, _tokenizer, _prompts, _passkey, progress: _progress,
                    ranks: dividing, cancel: cancel)
                .Select(result => new EvaluationPoint(step, "passkey", "accuracy", result.Length, result.Accuracy, null, result.Count)));
        }
        return points;
    }
}
