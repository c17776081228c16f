using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A step of a model's forward with a name and parameters of its own: the embedding, a layer, the final norm, the head. The blocks of a
/// model hold each of its parameters exactly once, so that weights can be fetched and gradients be reduced block by block.
/// </summary>
/// <param name="name">its module's, as parameter names begin: model.layers.0</param>
/// <param name="module">whose parameters are its own; null: it has none</param>
/// <param name="forward">what it computes, from the output of the block before it</param>
internal sealed class Block(string name, nn.Module? module, Func<Tensor, Tensor> forward)
{
    /// <summary>Its module's name, with which its parameters' begin: model.layers.0.</summary>
    public string Name { get; } = name;

    /// <summary>What it computes, from the output of the block before it.</summary>
    public Tensor Forward(Tensor input) => forward(input);

    /// <summary>Its parameters, trained and frozen, with their names in the model. Read from the module tree at every call, since adapters
    /// come and go; a forward does not ask for them.</summary>
    public IReadOnlyList<(string Name, Parameter Parameter)> Parameters =>
        module is null ? [] : [.. module.named_parameters().Select(p => ($"{Name}.{p.name}", p.parameter))];
}
