using Skipwise.Reports;
using Skipwise.Reports.Comparing;

namespace Skipwise.Recipes;

/// <summary>Writes a report from results that are there already: no model is needed.</summary>
internal static class RenderReport
{
    /// <summary>Several folders become one comparison, against the first folder's first model.</summary>
    /// <param name="folders">that <see cref="EvaluateAll"/> filled</param>
    /// <param name="path">of the page; Markdown, plots and raw lines go beside it</param>
    /// <exception cref="SkipwiseException">a folder is missing or broken, or the report cannot be written</exception>
    public static Comparison Run(IReadOnlyList<string> folders, string path)
    {
        ReportFiles.RequireReplaceable(path);
        Comparison comparison = Comparison.Load(folders);
        ReportFiles.Write(path, ComparisonReport.Build(comparison));
        return comparison;
    }
}
