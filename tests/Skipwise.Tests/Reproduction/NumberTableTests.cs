using Skipwise.Reproduction;

namespace Skipwise.Tests.Reproduction;

public sealed class NumberTableTests
{
    private static readonly NumberRow s_computed = new("formula", [Estimate.Exactly(0.5)]),
        s_base = new("none", [new(0.5, null, 0.1, 0, 9)]), s_once = new("PoSE", [new(0.5, null, 0.1, 1, 9), null]),
        s_trained = new("PoSE", [new(0.5, 0.2, 0.1, 3, 9), null]);

    /// <summary>± stands for another error in rows that no seed decides, and the caption says so.</summary>
    [Fact]
    public void The_caption_says_what_each_error_is_over()
    {
        Assert.Equal("Scores", Caption(s_computed));
        Assert.Equal("Scores; ± is the standard error over questions", Caption(s_base, s_computed));
        Assert.Equal("Scores; ONE seed: ± is the standard error over questions alone", Caption(s_base, s_once));
        Assert.Equal("Scores; mean ± standard error over 3 seeds", Caption(s_trained));
        Assert.Equal("Scores; mean ± standard error over 3 seeds; none: not trained, ± over questions",
            Caption(s_base, s_trained, s_computed));
    }

    [Fact]
    public void Texts_have_the_error_that_the_caption_names() => Assert.Equal(
        [["variant", "all"], ["none", "0.50±0.10"], ["PoSE", "0.50±0.20", ""], ["formula", "0.50"]],
        Table(s_base, s_trained, s_computed).Texts());

    private static string Caption(params NumberRow[] rows) => Table(rows).FullCaption();

    private static NumberTable Table(params NumberRow[] rows) => new("Scores", "variant", ["all"], rows, NumberUnit.Fraction, "questions");
}
