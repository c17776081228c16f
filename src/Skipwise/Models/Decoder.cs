using Skipwise.Kernels;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Embedding, layers and final norm: token ids to hidden states.</summary>
internal sealed class Decoder : nn.Module
{
    /// <summary>Its module name in the model.</summary>
    public const string Name = "model";

    private const string EmbeddingName = "embed_tokens", LayersName = "layers", NormName = "norm";

    private readonly ModuleList<DecoderLayer> _layers;
    private readonly string[] _layerNames; // created once, not for every generated token
    private readonly nn.Module<Tensor, Tensor> _norm;
    private readonly int? _window;
    private readonly int _firstSlidingLayer;

    public Decoder(DecoderConfig config, ScalarType dtype, Device device) : base(nameof(Decoder))
    {
        Embedding = new TokenEmbedding(config, dtype, device);
        _layers = new ModuleList<DecoderLayer>(
            [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => new DecoderLayer(config, layer, dtype, device))]);
        _layerNames = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => $"{Name}.{LayersName}.{layer}")];
        _norm = NormFactory.Create(config, config.HiddenSize, dtype, device);
        (_window, _firstSlidingLayer) = (config.SlidingWindow, config.FirstSlidingLayer);
        register_module(EmbeddingName, Embedding);
        register_module(LayersName, _layers);
        register_module(NormName, _norm);
    }

    public TokenEmbedding Embedding { get; }

    internal IEnumerable<DecoderLayer> Layers => _layers;

    internal nn.Module<Tensor, Tensor> Norm => _norm;

    /// <summary>Where the parameters are while they are not computed with; null: in place.</summary>
    internal IParameterResidence? Residence { get; set; }

    /// <summary>Element type of the computation: the norms', which are never stored in another.</summary>
    public ScalarType Dtype => _norm.parameters().First().dtype;

    /// <summary>The block from token ids int64 [B, T] to the input of the first of <see cref="Blocks"/>.</summary>
    internal Block EmbeddingBlock => new($"{Name}.{EmbeddingName}", Embedding, inputIds => Embedding.Forward(inputIds, Dtype), Residence);

    /// <param name="inputIds">int64 [B, T]</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Embed(Tensor inputIds) => EmbeddingBlock.Forward(inputIds);

    /// <param name="inputIds">int64 [B, T]</param>
    /// <returns>[B, T, C]</returns>
    internal Tensor Forward(Tensor inputIds, Rotary rotary, IForwardCache? cache)
    {
        using var scope = NewDisposeScope();
        Tensor hidden = Embed(inputIds);
        foreach (Block block in Blocks((int)inputIds.size(1), rotary, [], cache))
        {
            using Tensor input = hidden; // freed before the next block runs; when training, the graph keeps what it needs
            hidden = block.Forward(input);
        }
        cache?.Advance((int)inputIds.size(1));
        return hidden.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The blocks that turn embeddings into hidden states, in order, each [B, T, C] -> [B, T, C]: every layer, then the final norm.
    /// </summary>
    /// <param name="documents">lengths of the documents packed into one row, none of which attends to another; empty: a row is one
    /// document</param>
    internal IReadOnlyList<Block> Blocks(int tokens, Rotary rotary, int[] documents, IForwardCache? cache)
    {
        (AttentionPlan full, AttentionPlan sliding) = cache is { IsRagged: true }
            ? PlanRaggedAttention(tokens, cache)
            : PlanAttention(tokens, documents, cache?.Length ?? 0);
        return
        [
            .. _layers.Select((layer, index) => new Block(_layerNames[index], layer, hidden =>
                layer.Forward(hidden, rotary, index < _firstSlidingLayer ? full : sliding, cache), Residence)),
            new Block($"{Name}.{NormName}", _norm, _norm.forward, Residence),
        ];
    }

    /// <summary>Attention plans of the layers before the first sliding one, and of the others.</summary>
    /// <inheritdoc cref="Blocks"/>
    internal (AttentionPlan Full, AttentionPlan Sliding) PlanAttention(int tokens, int[] documents, int cached)
    {
        int longest = documents.Length > 0 ? documents.Max() : tokens; // no query attends beyond its document
        Device device = Embedding.weight.device;
        return PlanBoth(window => KernelSet.For(device, Dtype).PlanAttention(longest, cached, window, documents, Dtype, device));
    }

    /// <inheritdoc cref="PlanAttention"/>
    private (AttentionPlan Full, AttentionPlan Sliding) PlanRaggedAttention(int tokens, IForwardCache cache)
    {
        using Tensor queries = cache.NextPositions(tokens);
        return PlanBoth(window =>
            KernelSet.For(queries.device, Dtype).PlanRaggedAttention(queries, cache.Length + tokens, window, Dtype));
    }

    private (AttentionPlan Full, AttentionPlan Sliding) PlanBoth(Func<int?, AttentionPlan> plan)
    {
        AttentionPlan sliding = plan(_window);
        return (_firstSlidingLayer > 0 ? plan(null) : sliding, sliding);
    }
}
