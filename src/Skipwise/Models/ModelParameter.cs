using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>A parameter of a model, with its role.</summary>
/// <param name="Name">a Hugging Face name: model.layers.0.input_layernorm.weight</param>
/// <param name="Parameter">the model's own</param>
/// <param name="Role">role of the parameter</param>
/// <param name="Owner">role of its module: of a norm's bias <see cref="ParameterRole.Norm"/></param>
/// <param name="AddsToResidual">whether its module's output is added to the residual stream</param>
internal sealed record ModelParameter(string Name, Parameter Parameter, ParameterRole Role, ParameterRole Owner, bool AddsToResidual)
{
    private const string BiasName = "bias";

    /// <summary>All parameters of a model, in the order of its module tree.</summary>
    /// <exception cref="InvalidOperationException">a module has a parameter and no role</exception>
    public static IReadOnlyList<ModelParameter> AllOf(CausalLM model)
    {
        // named_modules lists a module inside a list under several names: the parameter itself identifies its module.
        var owners = new Dictionary<Parameter, (IParameterOwner Owner, bool IsBias)>(ReferenceEqualityComparer.Instance);
        foreach (nn.Module module in model.modules())
        {
            if (module is IParameterOwner owner)
            {
                foreach ((string name, Parameter parameter) in module.named_parameters(recurse: false))
                {
                    owners[parameter] = (owner, name == BiasName);
                }
            }
        }
        return
        [
            .. model.named_parameters().Select(p => owners.TryGetValue(p.parameter, out (IParameterOwner Owner, bool IsBias) found)
                ? new ModelParameter(p.name, p.parameter, found.IsBias ? ParameterRole.Bias : found.Owner.Role, found.Owner.Role,
                    found.Owner.AddsToResidual)
                : throw new InvalidOperationException($"the module of {p.name} is no {nameof(IParameterOwner)}")),
        ];
    }
}
