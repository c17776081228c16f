using Skipwise.Reports;

namespace Skipwise.Tests.Reports;

public class NumberFormatTests
{
    [Theory]
    [InlineData(0.01234, "0.012"), InlineData(3.456, "3.5"), InlineData(99.4, "99"), InlineData(99.5, "100"), InlineData(99.9, "100")]
    [InlineData(123.4, "123"), InlineData(123456, "1.2e+5")]
    public void A_standard_error_has_two_significant_digits_and_no_exponent_below_100_000(double value, string expected) =>
        Assert.Equal(expected, NumberFormat.Error(value));

    [Theory]
    [InlineData(3.494, "3.49"), InlineData(27.44, "27.4"), InlineData(1234.4, "1234"), InlineData(1234567, "1.2e+6")]
    public void A_perplexity_has_as_many_decimals_as_carry_meaning(double value, string expected) =>
        Assert.Equal(expected, NumberFormat.Perplexity(value));
}
