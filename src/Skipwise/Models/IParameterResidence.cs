using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Where a model's parameters are while they are not computed with: divided among ranks, for example. A parameter that is not in place has
/// its shape and type, but no values.
/// </summary>
internal interface IParameterResidence
{
    /// <summary>Whether this parameter is kept here; others are always in place.</summary>
    bool Holds(Parameter parameter);

    /// <summary>Brings parameters in place until the result is disposed. Calls may be nested. All ranks call it alike.</summary>
    IDisposable Gather(IEnumerable<Parameter> parameters);

    /// <summary>Begins to bring parameters in place that will be gathered next, while something else computes. All ranks call it
    /// alike.</summary>
    void GatherAhead(IEnumerable<Parameter> parameters);

    /// <summary>Takes new values of a parameter.</summary>
    /// <param name="whole">of the parameter's shape</param>
    void Store(Parameter parameter, Tensor whole);
}
