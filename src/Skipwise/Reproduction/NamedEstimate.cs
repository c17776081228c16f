namespace Skipwise.Reproduction;

/// <summary>A number that a verdict rests on, before it is judged.</summary>
/// <param name="Name">what it is: "PoSE 8x over full-length 8x at 1024 (8x)"</param>
/// <param name="Value">the number with its errors</param>
/// <param name="Unit">decides how it is written</param>
internal sealed record NamedEstimate(string Name, Estimate Value, NumberUnit Unit)
{
    /// <summary>The number with where it was found before its name: "gptj, ...".</summary>
    public NamedEstimate In(string place) => this with { Name = $"{place}, {Name}" };
}
