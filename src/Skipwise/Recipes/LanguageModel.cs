using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Documents;
using Skipwise.Evaluation;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Perplexity;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Runs;
using Skipwise.Tokenizers;
using Skipwise.Training;

namespace Skipwise.Recipes;

/// <summary>
/// A loaded causal language model with its tokenizer: generates text, is evaluated, has its context window extended, and is saved. It
/// computes one thing at a time: a call waits until the call before it has ended, and a generation ends with its <c>await foreach</c>. So
/// do not wait for another call inside of that loop. Keys and values are freed with each call: an
/// <see cref="InferenceEngine"/> keeps the beginnings of prompts.
/// </summary>
/// <example>
/// <code>
/// using LanguageModel model = LanguageModel.Load("llama-2-7b");
/// await foreach (string piece in model.GenerateAsync("Once upon a time"))
/// {
///     Console.Write(piece);
/// }
/// </code>
/// </example>
public sealed class LanguageModel : IDisposable
{
    private readonly PretrainedModel _pretrained;
    private readonly LanguageModelOptions _options;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _turn = new(1, 1);

    private LanguageModel(string folder, PretrainedModel pretrained, ITokenizer tokenizer, LanguageModelOptions options, ILogger logger)
    {
        (Folder, _pretrained, Tokenizer, _options, _logger) = (folder, pretrained, tokenizer, options, logger);
    }

    /// <summary>the folder that it was loaded from</summary>
    public string Folder { get; }

    /// <summary>the tokenizer of the model's folder</summary>
    public ITokenizer Tokenizer { get; }

    /// <summary>the network: logits of token ids at given position ids</summary>
    public CausalLM Network => _pretrained.Model;

    /// <summary>the context window in tokens, <c>max_position_embeddings</c></summary>
    public int ContextLength => Network.Config.MaxPositionEmbeddings;

    /// <summary>Loads a model for inference: on the CPU in float32, weights are memory-mapped.</summary>
    /// <param name="folder">a Hugging Face folder (config.json, weights, tokenizer), a GGUF file, or a llama2.c checkpoint</param>
    /// <param name="options">device, element type, RoPE scaling, adapter</param>
    /// <param name="logger">receives warnings about the model's files, and notes on its RoPE scaling; null: none</param>
    /// <exception cref="SkipwiseException">the model or its tokenizer cannot be read</exception>
    /// <example>
    /// <code>
    /// using LanguageModel model = LanguageModel.Load("llama-2-7b", new() { Adapter = "llama-32k-lora" });
    /// Console.WriteLine($"a window of {model.ContextLength} tokens");
    /// </code>
    /// </example>
    public static LanguageModel Load(string folder, LanguageModelOptions? options = null, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new();
        logger ??= NullLogger.Instance;
        OptionCheck.Require("Loading", options);
        var source = new ModelSource(folder, options.Rope, Adapter: options.Adapter);
        ITokenizer tokenizer =
            BoundedTokenizer.Create(TokenizerLoader.Load(folder), PretrainedModel.Architecture(source).VocabSize);
        return new LanguageModel(
            folder, ModelLoader.Load(source, options.Compute, new LoggedNotes(logger)), tokenizer, options, logger);
    }

    /// <summary>Continues a text, piece by piece as its tokens come.</summary>
    /// <param name="prompt">the text to continue; BOS is added if the tokenizer's settings say so</param>
    /// <param name="options">
    /// length and sampling; the default is greedy. Without stop tokens, every end token that the model's files name ends the text
    /// </param>
    /// <param name="cancel">ends the generation before the next token</param>
    /// <returns>pieces of text; joined, they are the continuation</returns>
    /// <exception cref="SkipwiseException">an impossible setting, or a prompt without a token</exception>
    /// <example>
    /// <code>
    /// using LanguageModel model = LanguageModel.Load("llama-2-7b");
    /// await foreach (string piece in model.GenerateAsync("Once upon a time", new() { MaxNewTokens = 64, Temperature = 0.8, TopP = 0.95 }))
    /// {
    ///     Console.Write(piece);
    /// }
    /// </code>
    /// </example>
    public async IAsyncEnumerable<string> GenerateAsync(
        string prompt, GenerationOptions? options = null, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        options ??= new();
        options.Validate();
        await _turn.WaitAsync(cancel).ConfigureAwait(false);
        InferenceEngine? engine = null;
        try
        {
            // one per call: the weights of Network may change between calls, and what is computed of them must not outlive that
            engine = await Task.Run(() => new InferenceEngine(Network, _options.Engine, null, movesWeights: false), CancellationToken.None)
                .ConfigureAwait(false);
            Generation generation = Start(engine, prompt, options, cancel);
            var decoder = new IncrementalDecoder(Tokenizer, generation.Request.Prompt);
            await foreach (GeneratedToken token in generation.ReadTokens().ConfigureAwait(false))
            {
                if (token.Finish is not FinishReason.Stop && decoder.Append(token.Id) is { Length: > 0 } piece)
                {
                    yield return piece;
                }
            }
            if (decoder.Rest() is { Length: > 0 } rest)
            {
                yield return rest;
            }
        }
        finally
        {
            engine?.Dispose(); // a reader that stops also stops the model
            _turn.Release();
        }
    }

    /// <summary>Evaluates the perplexity of documents by window length.</summary>
    /// <param name="documents">texts; those shorter than the options' MinTokens are left out</param>
    /// <param name="options">window lengths in tokens, and which tokens count</param>
    /// <param name="progress">receives the progress of the evaluation</param>
    /// <param name="cancel">ends it at the next forward</param>
    /// <returns>one result per window length, in the order of the options</returns>
    /// <exception cref="SkipwiseException">a setting out of range, or no document long enough</exception>
    /// <example>
    /// <code>
    /// using LanguageModel model = LanguageModel.Load("llama-32k");
    /// string[] reports = [.. Directory.EnumerateFiles("reports", "*.txt").Select(File.ReadAllText)];
    /// foreach (var result in await model.EvaluatePerplexityAsync(reports, new() { Windows = [4096, 32768] }))
    /// {
    ///     Console.WriteLine($"{result.Window} tokens: {result.Perplexity:0.00} +- {result.StandardError:0.00}");
    /// }
    /// </code>
    /// </example>
    public Task<IReadOnlyList<PerplexityResult>> EvaluatePerplexityAsync(
        IEnumerable<string> documents, PerplexityOptions options, IProgress<EvaluationProgress>? progress = null,
        CancellationToken cancel = default) =>
        InTurn(() =>
        {
            options.Validate();
            int bos = PerplexityTexts.BosId(Tokenizer, Network.Config);
            IEnumerable<Document> texts = documents.Select((text, index) => new Document(text, $"document {index + 1}"));
            TokenStores.TokenList tokens = PerplexityTexts.Read(texts, Tokenizer, options, cancel);
            return PerplexityEvaluator.Evaluate(Network, tokens, bos, options, progress, cancel: cancel);
        }, cancel);

    /// <summary>Evaluates passkey retrieval by prompt length and depth: the model must repeat a number hidden in a long text.</summary>
    /// <param name="options">prompt lengths in tokens, trials, depths</param>
    /// <param name="progress">receives the progress of the evaluation</param>
    /// <param name="cancel">ends it at the next forward</param>
    /// <returns>one result per length, in the order of the options</returns>
    /// <exception cref="SkipwiseException">a setting out of range</exception>
    /// <example>
    /// <code>
    /// using LanguageModel model = LanguageModel.Load("llama-32k");
    /// foreach (var result in await model.EvaluatePasskeyAsync(new() { Lengths = [4096, 32768], Trials = 20 }))
    /// {
    ///     Console.WriteLine($"{result.Length} tokens: {result.Correct} of {result.Count}");
    /// }
    /// </code>
    /// </example>
    public Task<IReadOnlyList<PasskeyResult>> EvaluatePasskeyAsync(
        PasskeyOptions options, IProgress<EvaluationProgress>? progress = null, CancellationToken cancel = default) =>
        InTurn(() => PasskeyEvaluator.Evaluate(Network, Tokenizer, options, progress: progress, cancel: cancel), cancel);

    /// <summary>
    /// Fine-tunes a copy of the model by PoSE to a longer context window, and saves it: the weights are read again from
    /// <see cref="Folder"/>, and this model stays as it is. A run that was stopped continues with
    /// <see cref="SaveOptions.Resume"/>.
    /// </summary>
    /// <param name="targetLength">the window to reach, in tokens</param>
    /// <param name="data">documents in memory or in files</param>
    /// <param name="folder">where the run's checkpoints and the extended model go</param>
    /// <param name="configure">changes the run's options: steps, learning rate, LoRA, RoPE scaling, ...; null: the defaults</param>
    /// <param name="save">checkpoints and resumption; null: only the checkpoint of a stopped run</param>
    /// <param name="progress">receives every step</param>
    /// <param name="stop">ends the run with a checkpoint of the last whole step; the step in progress is discarded</param>
    /// <returns>whether the run is complete, and its last checkpoint if it is not</returns>
    /// <exception cref="SkipwiseException">an impossible setting, data that cannot be read, or a folder that cannot be written</exception>
    /// <example>
    /// <code>
    /// using LanguageModel model = LanguageModel.Load("llama-2-7b");
    /// await model.ExtendAsync(32768, new() { Paths = ["books"] }, "llama-32k",
    ///     run =&gt; run with { Training = new() { Steps = 1000 }, Lora = new() { Rank = 16 } });
    /// </code>
    /// </example>
    public Task<TrainingOutcome> ExtendAsync(
        int targetLength, DataOptions data, string folder, Func<FineTuneOptions, FineTuneOptions>? configure = null,
        SaveOptions? save = null, IProgress<StepMetrics>? progress = null, CancellationToken stop = default)
    {
        FineTuneOptions options = new()
        {
            Model = Folder,
            Adapter = _options.Adapter,
            Rope = _options.Rope,
            Data = data,
            Out = folder,
            TargetLength = targetLength,
        };
        options = configure?.Invoke(options) ?? options;
        return InTurn(
            () => FineTune.Run(
                options, save ?? new SaveOptions(), new LoggedNotes(_logger), progress: progress is null ? null : _ => progress,
                stop: stop),
            stop);
    }

    /// <summary>Saves the model as a Hugging Face folder; an existing model of Skipwise's is replaced atomically.</summary>
    /// <param name="folder">the folder to appear</param>
    /// <exception cref="SkipwiseException">the folder holds what Skipwise did not write, or cannot be written</exception>
    /// <example>
    /// <code>
    /// using LanguageModel model = LanguageModel.Load("llama-2-7b", new() { Adapter = "llama-32k-lora" });
    /// model.Save("llama-32k"); // with the adapter's weights
    /// </code>
    /// </example>
    public void Save(string folder) => _pretrained.Save(folder);

    /// <summary>Frees the weights.</summary>
    public void Dispose()
    {
        _pretrained.Dispose();
        _turn.Dispose();
    }

    private Generation Start(InferenceEngine engine, string prompt, GenerationOptions options, CancellationToken cancel)
    {
        int[] content = Tokenizer.Encode(prompt);
        int[] ids = Tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. content] : content;
        IReadOnlyList<int> stop = options.StopTokens is { Count: > 0 } own ? own : Tokenizer.EndIds;
        return engine.Submit(new() { Prompt = ids, Options = options with { StopTokens = stop } }, cancel);
    }

    private async Task<T> InTurn<T>(Func<T> work, CancellationToken cancel)
    {
        await _turn.WaitAsync(cancel).ConfigureAwait(false);
        try
        {
            return await Task.Run(work, CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }
}
