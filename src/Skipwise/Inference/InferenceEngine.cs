using Skipwise.Kernels.Decoding;
using Skipwise.Models;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>
/// Generates many texts at the same time with one model. Requests join and leave between forwards: each round reads a part of one prompt
/// and computes one token of every text that is being generated. Beginnings of prompts that were read before are not read again.
/// </summary>
/// <remarks>
/// What a request gets does not depend on the others, to the last bit. Positions are 0, 1, 2, ...; scalings that depend on the length
/// (dynamic NTK, longrope) use the text's current length, as in <see cref="TextGenerator"/>. If memory for keys and values is used up, the
/// text that joined last gives up its own and is computed again later. The engine uses the model from its own thread: nothing else may use
/// it meanwhile.
/// </remarks>
/// <example>
/// <code>
/// using Skipwise.Models;
///
/// using CausalLM model = new(new()
/// {
///     VocabSize = 1000, HiddenSize = 64, IntermediateSize = 128, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 4,
///     HeadDim = 16, MaxPositionEmbeddings = 128,
/// });
/// using InferenceEngine engine = new(model);
/// Generation generation = engine.Submit(new() { Prompt = [1, 5, 7], Options = new() { MaxNewTokens = 20 } });
/// await foreach (GeneratedToken token in generation.ReadTokens())
/// {
///     Console.Write($"{token.Id} ");
/// }
/// </code>
/// </example>
public sealed class InferenceEngine : IDisposable
{
    private const double PartOfFreeMemory = 0.25;

    private readonly CausalLM _model;
    private readonly EngineOptions _options;
    private readonly IPrefixStore? _prefixes;
    private readonly KvPagePool _pool;
    private readonly PagedCache _cache;
    private readonly IDecodeStep _decode;
    private readonly EngineRound _round;
    private readonly LinkedList<EngineText> _waiting = new();
    private readonly Lock _lock = new();
    private readonly AutoResetEvent _news = new(false);
    private readonly Thread _thread;
    private readonly int _threads = TorchThreads.Count;
    private volatile bool _isStopped;
    private long _promptTokens;

    /// <summary>An engine that waits for requests.</summary>
    /// <param name="model">stays the caller's, and has to live longer</param>
    /// <param name="options">limits</param>
    /// <exception cref="SkipwiseException">a setting is out of range</exception>
    public InferenceEngine(CausalLM model, EngineOptions? options = null)
        : this(model, options, null, movesWeights: true)
    {
    }

    /// <param name="prefixes">null: kept prefixes end with the engine</param>
    /// <param name="movesWeights">see <see cref="CpuDecoder.TryCreate"/></param>
    /// <inheritdoc cref="InferenceEngine(CausalLM, EngineOptions?)"/>
    internal InferenceEngine(CausalLM model, EngineOptions? options, IPrefixStore? prefixes, bool movesWeights = true)
    {
        (_model, _options, _prefixes) = (model, options ?? new(), prefixes);
        OptionCheck.Require("Inference engine", _options,
            _options.CacheType != KvCacheType.Int8 || KvPageLayout.CanQuantize(model.Config.HeadDim) ? []
            : [$"{OptionName.Of(nameof(EngineOptions.CacheType))} is {_options.CacheType}, which takes blocks of " +
                $"{Int8BlockFormat.BlockSize} dimensions, and this model's heads have {model.Config.HeadDim}; store 16 bits instead"]);
        KvPageLayout layout = KvPageLayout.Of(model.Config, _options.CacheType, model.Dtype);
        _pool = new KvPagePool(model, layout,
            _options.CacheBytes ?? (long)(PartOfFreeMemory * DeviceMemory.For(model.Device).Free));
        _cache = new PagedCache(model);
        _decode = CpuDecoder.TryCreate(model, layout, movesWeights: movesWeights) is { } decoder
            ? new CpuDecodeStep(decoder, model.Config.VocabSize)
            : new TorchDecodeStep(model, _cache);
        _round = new EngineRound(model, _pool, _cache, _decode);
        _prefixes?.Read(_pool);
        _thread = new Thread(Run) { Name = nameof(InferenceEngine), IsBackground = true };
        _thread.Start();
    }

    /// <summary>tokens of one text, prompt and generated, that the memory for keys and values holds</summary>
    public int MaxTextLength => _pool.Capacity * KvPageLayout.PageTokens;

    /// <summary>whether it answers requests with <see cref="GenerationRequest.FindsSources"/>: models that it decodes on the CPU</summary>
    public bool CanFindSources => _decode.RecordsAttention;

    /// <summary>what it does and has done</summary>
    public EngineStatistics Statistics
    {
        get
        {
            lock (_lock)
            {
                return new(_waiting.Count, _round.Running, _promptTokens, _round.CachedTokens, _round.GeneratedTokens, _round.Preemptions,
                    _pool.Bytes, _pool.Used * _pool.Layout.PageBytes);
            }
        }
    }

    /// <summary>Hands in a request. Read its tokens from the result.</summary>
    /// <param name="cancel">ends the text</param>
    /// <exception cref="SkipwiseException">an empty prompt, an id outside the vocabulary, a setting out of range, a text too long for the
    /// memory, or too many requests that wait</exception>
    public Generation Submit(GenerationRequest request, CancellationToken cancel = default) =>
        TrySubmit(request, cancel) ?? throw QueueIsFull();

    /// <summary>Hands in a request, unless too many wait.</summary>
    /// <returns>null: as many requests wait as <see cref="EngineOptions.MaxQueueLength"/> allows</returns>
    /// <inheritdoc cref="Submit"/>
    public Generation? TrySubmit(GenerationRequest request, CancellationToken cancel = default)
    {
        Check(request);
        var text = new EngineText(_model, new Generation(request, cancel), _pool);
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_isStopped, this);
            if (_waiting.Count >= _options.MaxQueueLength && _waiting.Count + _round.Running >= _options.MaxBatchSize)
            {
                return null;
            }
            _waiting.AddLast(text);
            _promptTokens += text.PromptTokens;
            _news.Set();
        }
        return text.Generation;
    }

    /// <summary>The error that too many requests wait.</summary>
    internal SkipwiseException QueueIsFull() => new(
        $"{_options.MaxQueueLength} requests wait already, as many as {OptionName.Of(nameof(EngineOptions.MaxQueueLength))} allows. " +
        "Try again later.");

    /// <summary>Ends all texts and frees their keys and values. The model stays the caller's.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_isStopped)
            {
                return;
            }
            _isStopped = true;
        }
        _news.Set();
        _thread.Join();
        _decode.Dispose();
        _cache.Dispose();
        try
        {
            if (_pool.Prefixes.IsChanged)
            {
                _prefixes?.Write(_pool);
            }
        }
        finally
        {
            _pool.Dispose();
            _news.Dispose();
        }
    }

    private void Check(GenerationRequest request)
    {
        OptionCheck.Require("Generation", request);
        if (request.Prompt.Count == 0)
        {
            throw new SkipwiseException(
                "The prompt is empty: a model continues at least one token. Give some text, or use a tokenizer that adds BOS.");
        }
        TokenTensor.RequireInVocabulary(_model, request.Prompt);
        foreach (int id in request.Options.LogitBias.Keys)
        {
            if ((uint)id >= (uint)_model.Config.VocabSize)
            {
                throw new SkipwiseException($"{OptionName.Of(nameof(GenerationOptions.LogitBias))} names token {id}, but the model's " +
                    $"vocabulary has {_model.Config.VocabSize} ids.");
            }
        }
        if (request.FindsSources && !_decode.RecordsAttention)
        {
            throw new SkipwiseException("The sources of the new tokens are asked for, but only decoding on the CPU tells what a token " +
                "attends to, and this model is decoded in another way. Ask without them.");
        }
        long tokens = (long)request.Prompt.Count + request.Options.MaxNewTokens;
        if (tokens > MaxTextLength)
        {
            throw new SkipwiseException(
                $"The prompt's {request.Prompt.Count} tokens and {request.Options.MaxNewTokens} new ones need keys and values of " +
                $"{tokens} tokens, but there is memory for {MaxTextLength}. Ask for fewer, or give the KV cache more memory " +
                $"({OptionName.Of(nameof(EngineOptions.CacheBytes))}).");
        }
    }

    private void Run()
    {
        TorchThreads.SetCount(_threads); // a thread of its own would use all cores
        using var _ = no_grad();
        while (!_isStopped)
        {
            if (_round.Running == 0 && !HasWaiting())
            {
                _news.WaitOne();
            }
            else
            {
                RunOnce();
            }
        }
        _round.End(new SkipwiseException("The inference engine was stopped."));
        lock (_lock)
        {
            foreach (EngineText text in _waiting)
            {
                text.Generation.Fail(new SkipwiseException("The inference engine was stopped."));
            }
            _waiting.Clear();
        }
    }

    /// <summary>A fault that is no text's own, such as memory that the device refuses, ends the texts of the batch: requests after it are
    /// tried as usual.</summary>
    private void RunOnce()
    {
        try
        {
            Admit();
            Return(_round.Run());
        }
        catch (Exception error)
        {
            _round.End(error);
        }
    }

    private bool HasWaiting()
    {
        lock (_lock)
        {
            return _waiting.Count > 0;
        }
    }

    /// <summary>Moves requests that wait into the batch, in order, while there is room.</summary>
    private void Admit()
    {
        lock (_lock)
        {
            for (LinkedListNode<EngineText>? node = _waiting.First; node is not null;)
            {
                LinkedListNode<EngineText>? next = node.Next;
                if (node.Value.Generation.IsAbandoned)
                {
                    node.Value.Generation.Fail(node.Value.Generation.Cancelled());
                    _waiting.Remove(node);
                }
                node = next;
            }
            while (_round.Running < _options.MaxBatchSize && _waiting.First is { } first && _round.HasRoomFor(first.Value))
            {
                _waiting.RemoveFirst();
                _round.Add(first.Value);
            }
        }
    }

    /// <summary>Puts texts that had to give up their pages in front of the others that wait.</summary>
    private void Return(IEnumerable<EngineText> preempted)
    {
        lock (_lock)
        {
            foreach (EngineText text in preempted)
            {
                _waiting.AddFirst(text);
            }
        }
    }
}
