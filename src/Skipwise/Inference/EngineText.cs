using System.Runtime.InteropServices;
using Skipwise.Models;
using Skipwise.Numerics;
using Skipwise.Rope;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>A request while its text is generated.</summary>
/// <remarks>
/// Its first <see cref="ReadEnd"/> tokens are read in parts that begin at multiples of <see cref="KvPageLayout.PageTokens"/>, the others
/// one by one, also if a text that had to give up its pages is computed once more. So its result is the same to the last bit whatever else
/// is computed.
/// </remarks>
internal sealed class EngineText
{
    private readonly CausalLM _model;
    private readonly Sampler _sampler;
    private readonly LogitAdjustment? _adjustment; // null: none

    /// <summary>A request of which nothing is read.</summary>
    public EngineText(CausalLM model, Generation generation, KvPagePool pool)
        : this(model, generation, new KvText(pool))
    {
    }

    /// <param name="cache">nothing, or keys and values of the prompt: this text's from now on</param>
    public EngineText(CausalLM model, Generation generation, KvText cache)
    {
        (_model, Generation, Cache) = (model, generation, cache);
        _sampler = new Sampler(Options);
        Tokens = [.. generation.Request.Prompt];
        _adjustment = LogitAdjustment.IsNone(Options) ? null : new LogitAdjustment(Options, Tokens);
        PromptTokens = Tokens.Count;
        Attention = Generation.Request.FindsSources ? new(model.Config.NumHiddenLayers, model.Config.NumAttentionHeads) : null;
        Rope = SetRotationLength();
    }

    public Generation Generation { get; }

    public GenerationOptions Options => Generation.Request.Options;

    /// <summary>keys and values of the first tokens</summary>
    public KvText Cache { get; }

    /// <summary>of the prompt and those generated</summary>
    public List<int> Tokens { get; }

    public int PromptTokens { get; }

    /// <summary>what the newest token attends to; null: nobody asks</summary>
    public AttentionRecord? Attention { get; }

    /// <summary>the rotation is that of a text of this length</summary>
    public int RotationLength { get; private set; }

    /// <summary>tokens that are read as a prompt: all so far, but the last where its attention is asked for</summary>
    public int ReadEnd => Attention is null ? RotationLength : RotationLength - 1;

    /// <summary>frequencies and scale of the rotation</summary>
    public RopeFrequencies Rope { get; private set; }

    /// <summary>The tokens that are read as a prompt but the last, whose logits are needed.</summary>
    public ReadOnlySpan<int> ReadableTokens => CollectionsMarshal.AsSpan(Tokens)[..(RotationLength - 1)];

    /// <summary>The tokens whose keys and values are stored.</summary>
    public ReadOnlySpan<int> ReadTokens => CollectionsMarshal.AsSpan(Tokens)[..Cache.Length];

    /// <summary>Whether tokens are left to be read as a prompt.</summary>
    public bool IsReading => Cache.Length < ReadEnd;

    /// <summary>Whether keys and values of all tokens are stored, so that the last logits are those of a new token.</summary>
    public bool IsComplete => Cache.Length == Tokens.Count;

    /// <summary>Whether the next token has the rotation of those before it. Else keys and values above the first layer change with
    /// it.</summary>
    public bool KeepsRotation => _model.HaveSameRotation(RotationLength, Cache.Length + 1);

    /// <summary>Drops all keys and values: the tokens so far are read as a prompt.</summary>
    public void ReadFromStart()
    {
        Cache.Release();
        Rope = SetRotationLength();
    }

    /// <summary>The next decode step.</summary>
    public DecodeRow NextRow()
    {
        bool isNewest = Cache.Length + 1 == Tokens.Count; // else it is computed once more
        Attention?.Begin(Cache.Length + 1);
        return new(Tokens[Cache.Length], Cache, Rope, isNewest ? Attention : null);
    }

    /// <summary>The next token. A draw is a function of the request and the place.</summary>
    /// <param name="logits">float32 [V], finite</param>
    /// <param name="best">id of the largest</param>
    public GeneratedToken Sample(Tensor logits, int best)
    {
        using var scope = NewDisposeScope();
        TokenScore? Score(int id) => Generation.Request.TopLogProbabilities is { } top
            ? TokenScores.Of(logits.unsqueeze(0), [id], top)[0] : null;
        int generated = Tokens.Count - PromptTokens;
        int id = Options.Temperature == 0 && _adjustment is null ? best : Draw(logits, generated);
        FinishReason? finish = Options.StopTokens.Contains(id) ? FinishReason.Stop
            : generated + 1 == Options.MaxNewTokens ? FinishReason.Length : null;
        IReadOnlyList<TokenSource> sources = Attention?.SourcesOf(id, Tokens, PromptTokens) ?? [];
        Tokens.Add(id);
        _adjustment?.Count(id);
        return new GeneratedToken(id, Score(id), finish) { Sources = sources };
    }

    private RopeFrequencies SetRotationLength()
    {
        RotationLength = Tokens.Count;
        return RopeFrequency.Compute(_model.Config.Rope, _model.Config.RotaryDim, RotationLength);
    }

    private int Draw(Tensor logits, int generated)
    {
        Tensor adjusted = logits;
        if (_adjustment is not null)
        {
            adjusted = logits.clone();
            _adjustment.Apply(adjusted);
        }
        double uniform = new KeyedRandom(Options.Seed, (ulong)Generation.Request.Index, (ulong)generated).NextDouble();
        return Sampler.Read(_sampler.Sample(adjusted.unsqueeze(0), [uniform]))[0];
    }
}
