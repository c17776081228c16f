using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Sets a parameter's data to a tensor of any type on any device, as <c>parameter.data = ...</c> does in Python. The parameter object and
/// its module stay the same.
/// </summary>
internal static class ParameterData
{
    /// <param name="parameter">without a gradient</param>
    public static void Set(Tensor parameter, Tensor data) => TorchOps.SetData(parameter, data);
}
