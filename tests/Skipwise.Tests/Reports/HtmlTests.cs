using System.Globalization;
using Skipwise.Reports;

namespace Skipwise.Tests.Reports;

public sealed class HtmlTests
{
    /// <summary>In German a point is a comma, in Swedish a minus is U+2212.</summary>
    [Theory]
    [InlineData("de-DE"), InlineData("sv-SE"), InlineData("")]
    public void Values_are_encoded_and_printed_alike_in_every_culture(string culture)
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        try
        {
            Html inner = Html.Of($"<b>{-3}</b>");
            Assert.Equal("<p>1.5 -2.25 <b>-3</b> a&lt;b</p>", Html.Of($"<p>{1.5} {-2.25f} {inner} {"a<b"}</p>").ToString());
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Small_print_that_is_empty_leaves_no_trace()
    {
        ReportCell[] cells = ["name", new("1.5", "of 3", "", "<b>"), new("2", ""), new(""), ReportCell.Empty];
        var report = new Report("Title", ["Lead."], [new("Heading", new ReportBlock.Table("", ["a", "b", "c", "d", "e"], [cells]))]);
        string page = HtmlPage.Render(report);
        Assert.Contains("<td>1.5<small>of 3</small><small>&lt;b&gt;</small></td><td>2</td><td></td><td></td>", page);
        Assert.DoesNotContain("<small></small>", page);
        Assert.Contains("| name | 1.5 (of 3; &lt;b&gt;) | 2 |  |  |", Markdown.Render(report, name => name, "raw"));
    }
}
