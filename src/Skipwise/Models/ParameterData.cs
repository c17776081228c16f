using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>Gives a parameter other data, of any type and on any device, as Python's <c>parameter.data = ...</c>. It stays the same parameter of the same module.</summary>
internal static class ParameterData
{
    private static readonly Lazy<jit.CompilationUnit> s_script = new(() => jit.compile("""
        def give(parameter: Tensor, data: Tensor):
            parameter.set_data(data)

        """));

    /// <param name="parameter">without a gradient</param>
    public static void Set(Tensor parameter, Tensor data) => s_script.Value.invoke("give", parameter, data);
}
