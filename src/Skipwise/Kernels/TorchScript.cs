using System.Globalization;

namespace Skipwise.Kernels;

/// <summary>Formats values for TorchScript source.</summary>
internal static class TorchScript
{
    /// <summary>
    /// A number as a TorchScript literal. Constants are written into the source, because an argument is boxed and the kernel may read it
    /// late.
    /// </summary>
    public static string Literal(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E', StringComparison.Ordinal) || text.Contains('.', StringComparison.Ordinal) ? text : text + ".0";
    }
}
