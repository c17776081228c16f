using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// A named step of a model's forward with its parameters: the embedding, a layer, the final norm, the head. The blocks of a
/// model hold each of its parameters exactly once, so that weights can be gathered and gradients reduced block by block.
/// </summary>
/// <param name="name">name of the module, the prefix of its parameter names: model.layers.0</param>
/// <param name="module">module with its parameters; null: none</param>
/// <param name="forward">its computation on the output of the block before it</param>
/// <param name="residence">where its parameters are while it does not compute; null: in place</param>
internal sealed class Block(string name, nn.Module? module, Func<Tensor, Tensor> forward, IParameterResidence? residence = null)
{
    /// <summary>Name of the module, the prefix of its parameter names: model.layers.0.</summary>
    public string Name { get; } = name;

    /// <summary>Its computation on the output of the block before it.</summary>
    public Tensor Forward(Tensor input)
    {
        using IDisposable? present = Gather();
        return forward(input);
    }

    /// <summary>Brings its parameters in place until the result is disposed. Calls may be nested.</summary>
    public IDisposable? Gather() => residence?.Gather(Parameters.Select(parameter => parameter.Parameter));

    /// <summary>Begins to bring its parameters in place, while the block before it computes.</summary>
    public void GatherAhead() => residence?.GatherAhead(Parameters.Select(parameter => parameter.Parameter));

    /// <summary>
    /// Its parameters, trained and frozen, with their names in the model. Read from the module tree at every call, because adapters come
    /// and go.
    /// </summary>
    public IReadOnlyList<(string Name, Parameter Parameter)> Parameters =>
        module is null ? [] : [.. module.named_parameters().Select(p => ($"{Name}.{p.name}", p.parameter))];
}
