using Skipwise.Reports;
using Skipwise.Reports.Comparing;

namespace Skipwise.Recipes;

/// <summary>Writes a report from stored results; no model is needed.</summary>
internal static class RenderReport
{
    /// <summary>Several folders become one comparison; the first folder's first model is the baseline.</summary>
    /// <param name="folders">results of <see cref="EvaluateAll"/></param>
    /// <param name="path">HTML page; Markdown, plots and raw lines are written next to it</param>
    /// <param name="words">puts what the reader calls an option in the place of its name; null: <see cref="OptionName.InWords"/></param>
    /// <exception cref="SkipwiseException">a folder is missing or broken, or the report cannot be written</exception>
    public static Comparison Run(IReadOnlyList<string> folders, string path, Func<string, string>? words = null)
    {
        ReportFiles.RequireReplaceable(path);
        Comparison comparison = Comparison.Load(folders);
        ReportFiles.Write(path, ComparisonReport.Build(comparison, words));
        return comparison;
    }
}
