namespace Skipwise.Reproduction;

/// <summary>
/// One table or figure of the paper at the scale of the shipped model, or a question beyond the paper. An implementation reads like a
/// protocol: which variants are trained, what is measured, which claims are judged and by which rule.
/// </summary>
internal interface IExperiment
{
    /// <summary>its name as an argument and as a folder: <c>table1</c>, <c>fig2</c>, <c>scalings</c></summary>
    string Name { get; }

    /// <summary>heading: "Table 1: perplexity by training method"</summary>
    string Title { get; }

    /// <summary>the paper's numbers; null: the question is beyond the paper</summary>
    PaperTable? Paper { get; }

    /// <summary>Everything that <see cref="Run"/> will ask for and that takes time.</summary>
    IEnumerable<PlannedWork> Plan(ReproductionContext context);

    /// <summary>Tables, plots and verdicts from what was measured. What the plan did not name is computed when it is asked for. They depend
    /// on the measured numbers only: no dates, no paths.</summary>
    Findings Run(ReproductionContext context);
}
