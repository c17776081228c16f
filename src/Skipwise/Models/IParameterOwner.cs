namespace Skipwise.Models;

/// <summary>A module with parameters of its own, named <c>weight</c> and <c>bias</c>.</summary>
internal interface IParameterOwner
{
    /// <summary>role of the weight</summary>
    ParameterRole Role { get; }

    /// <summary>Whether the module's output is added to the residual stream.</summary>
    bool AddsToResidual => false;
}
