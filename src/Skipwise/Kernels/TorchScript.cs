using System.Globalization;

namespace Skipwise.Kernels;

/// <summary>How values are written into TorchScript.</summary>
internal static class TorchScript
{
    /// <summary>
    /// A number as TorchScript reads it. Constants are written into scripts: what is passed is boxed, for a kernel that may read it late.
    /// </summary>
    public static string Literal(double value)
    {
        string text = value.ToString("R", CultureInfo.InvariantCulture);
        return text.Contains('E', StringComparison.Ordinal) || text.Contains('.', StringComparison.Ordinal) ? text : text + ".0";
    }
}
