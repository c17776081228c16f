using Skipwise.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Benchmarks.Peer;

/// <summary>
/// PyTorch's way: a Llama as modules, in one autograd graph, with the logits of all tokens and libtorch's cross entropy. It uses nothing of
/// Skipwise but the description of the model.
/// </summary>
/// <remarks>
/// Every forward method disposes its intermediate results at its end, where Python would: only the graph keeps what the backward pass
/// needs.
/// </remarks>
internal sealed class PeerLlama : nn.Module
{
    // B batch, T tokens, C hidden, V vocabulary
    private const string Prefix = "model.", Head = "lm_head";

    private readonly DecoderConfig _config;
    private readonly Embedding _embedding;
    private readonly ModuleList<PeerLayer> _layers;
    private readonly PeerNorm _norm;
    private readonly Linear _head;

    public PeerLlama(DecoderConfig config) : base(nameof(PeerLlama))
    {
        _config = config;
        _embedding = nn.Embedding(config.VocabSize, config.HiddenSize);
        _layers = nn.ModuleList<PeerLayer>([.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => new PeerLayer(config))]);
        _norm = new(config.HiddenSize, config.NormEps);
        _head = nn.Linear(config.HiddenSize, config.VocabSize, hasBias: false);
        register_module("embed_tokens", _embedding);
        register_module("layers", _layers);
        register_module("norm", _norm);
        register_module(Head, _head);
    }

    /// <summary>Copies the weights of a model of the same description.</summary>
    public void CopyFrom(CausalLM model)
    {
        using IDisposable noGradient = no_grad();
        Dictionary<string, Parameter> theirs = Parameters(model);
        foreach ((string name, Parameter own) in Parameters(this))
        {
            own.copy_(theirs[name]);
        }
    }

    /// <summary>The parameters by their names, without the prefix that Hugging Face gives to the decoder's.</summary>
    public static Dictionary<string, Parameter> Parameters(nn.Module model) => model.named_parameters().ToDictionary(
        entry => entry.name.StartsWith(Prefix, StringComparison.Ordinal) ? entry.name[Prefix.Length..] : entry.name,
        entry => entry.parameter);

    /// <param name="ids">int64 [B, T]</param>
    /// <param name="positions">int64 [B, T]</param>
    /// <returns>logits [B, T, V]</returns>
    public Tensor Logits(Tensor ids, Tensor positions)
    {
        using var scope = NewDisposeScope();
        PeerRotation rotation = PeerRotation.Of(_config, positions);
        Tensor hidden = _embedding.forward(ids);
        foreach (PeerLayer layer in _layers)
        {
            Tensor next = layer.forward(hidden, rotation);
            hidden.Dispose();
            hidden = next;
        }
        return _head.forward(_norm.forward(hidden)).MoveToOuterDisposeScope();
    }

    /// <summary>The mean loss of the next tokens, with the labels shifted and the last one ignored, as in transformers.</summary>
    /// <returns>0-dim</returns>
    public Tensor Loss(Tensor ids, Tensor positions)
    {
        const long Ignored = -100;
        using var scope = NewDisposeScope();
        Tensor logits = Logits(ids, positions).to(ScalarType.Float32);
        Tensor labels = nn.functional.pad(ids, [0, 1], value: Ignored).narrow(1, 1, ids.size(1));
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index: Ignored).MoveToOuterDisposeScope();
    }
}
