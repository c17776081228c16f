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
}
