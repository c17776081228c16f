namespace Skipwise.Models;

/// <summary>A module with parameters of its own, named <c>weight</c> and <c>bias</c>.</summary>
internal interface IParameterOwner
{
    /// <summary>what the weight is</summary>
    ParameterRole Role { get; }

    /// <summary>Whether what the module computes is added to the residual stream.</summary>
    bool AddsToResidual => false;
}
