using System.Threading.Channels;

namespace Skipwise.Inference;

/// <summary>A request that an <see cref="InferenceEngine"/> has accepted.</summary>
public sealed class Generation
{
    private readonly Channel<GeneratedToken> _tokens = Channel.CreateUnbounded<GeneratedToken>(new() { SingleWriter = true });
    private readonly CancellationToken _cancel;
    private volatile bool _isLeft; // by its reader

    internal Generation(GenerationRequest request, CancellationToken cancel) => (Request, _cancel) = (request, cancel);

    /// <summary>what was asked for</summary>
    public GenerationRequest Request { get; }

    /// <summary>tokens of the prompt that did not have to be read, because an earlier text began with them; known with the first
    /// token</summary>
    public int CachedTokens { get; internal set; }

    /// <summary>scores of the prompt's tokens from the second one on, if asked for; known with the first token</summary>
    public IReadOnlyList<TokenScore> PromptScores { get; internal set; } = [];

    /// <summary>Whether nobody waits for its tokens any more.</summary>
    internal bool IsAbandoned => _isLeft || _cancel.IsCancellationRequested;

    /// <summary>Whether an error ended it.</summary>
    internal bool HasFailed { get; private set; }

    /// <summary>What ends an abandoned text; it carries the caller's token.</summary>
    internal OperationCanceledException Cancelled() => _cancel.IsCancellationRequested ? new(_cancel) : new();

    /// <summary>The tokens, each as soon as it is known. If the reader stops early, generation ends.</summary>
    /// <exception cref="SkipwiseException">the request failed, or the engine was stopped</exception>
    /// <exception cref="OperationCanceledException">the request was cancelled</exception>
    public async IAsyncEnumerable<GeneratedToken> ReadTokens()
    {
        try
        {
            await foreach (GeneratedToken token in _tokens.Reader.ReadAllAsync(CancellationToken.None).ConfigureAwait(false))
            {
                yield return token;
            }
        }
        finally
        {
            _isLeft = true;
        }
    }

    internal void Add(GeneratedToken token)
    {
        _tokens.Writer.TryWrite(token);
        if (token.Finish is not null)
        {
            _tokens.Writer.TryComplete();
        }
    }

    internal void Fail(Exception error)
    {
        HasFailed = true;
        _tokens.Writer.TryComplete(error);
    }
}
