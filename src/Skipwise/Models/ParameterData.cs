using Skipwise.Runtime;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Gives a parameter other data, of any type and on any device, as Python's <c>parameter.data = ...</c>. It stays the same parameter of the
/// same module.
/// </summary>
internal static class ParameterData
{
    /// <param name="parameter">without a gradient</param>
    public static void Set(Tensor parameter, Tensor data) => TorchOps.SetData(parameter, data);
}
