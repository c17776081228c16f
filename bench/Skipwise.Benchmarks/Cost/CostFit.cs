using System.Globalization;

namespace Skipwise.Benchmarks.Cost;

/// <summary>
/// The law y = a + b x + c x^2 that is nearest to the points by relative least squares, without negative terms: of those within 4 % of the
/// points (root mean square) the one with the fewest terms. Beside it the slope between the logarithms of the last points.
/// </summary>
/// <param name="Terms">a, b, c; 0: the points do not carry the term</param>
/// <param name="Slope">of log y by log x, of the two largest points: 0 constant, 1 linear, 2 quadratic</param>
internal sealed record CostFit(double[] Terms, double Slope)
{
    private const double Noise = 0.04; // of a busy machine
    private static readonly string[] s_powers = ["", " n", " n^2"];

    /// <param name="points">at least two, with positive y</param>
    public static CostFit Of(IReadOnlyList<(double X, double Y)> points)
    {
        (double X, double Y)[] sorted = [.. points.OrderBy(point => point.X)];
        ((double x0, double y0), (double x1, double y1)) = (sorted[^2], sorted[^1]);
        double slope = Math.Log(y1 / y0) / Math.Log(x1 / x0);
        int[][] choices = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];
        (double[] Terms, double Error)[] fits = [.. choices.Where(terms => terms.Length < sorted.Length)
            .Select(terms => Solve(sorted, terms)).Where(terms => terms.All(term => term >= 0))
            .Select(terms => (terms, Error(sorted, terms)))];
        double least = Math.Max(fits.Min(fit => fit.Error), Noise);
        double[] best = fits.Where(fit => fit.Error <= least).MinBy(fit => (fit.Terms.Count(term => term > 0), fit.Error)).Terms;
        return new(best, slope);
    }

    /// <summary>The law's value.</summary>
    public double At(double x) => Terms[0] + (x * (Terms[1] + (x * Terms[2])));

    /// <summary>Where the fastest growing term becomes the largest; null: there is one term.</summary>
    public double? Bend
    {
        get
        {
            int last = Array.FindLastIndex(Terms, term => term > 0);
            int before = last < 1 ? -1 : Array.FindLastIndex(Terms, last - 1, term => term > 0);
            return before < 0 ? null : Math.Pow(Terms[before] / Terms[last], 1.0 / (last - before));
        }
    }

    /// <summary>The law in words, such as 2.5 ms + 1.07 ms n, bends at 2.31 k, last slope 0.98.</summary>
    /// <param name="quantity">writes a number of y with its unit</param>
    /// <param name="n">the x that n stands for</param>
    public string Describe(Func<double, string> quantity, double n)
    {
        string law = string.Join(" + ", Terms.Select((term, power) => (term, power)).Where(part => part.term > 0)
            .Select(part => quantity(part.term * Math.Pow(n, part.power)) + s_powers[part.power]));
        string bend = Bend is { } x ? $", bends at {Short(x)}" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{law}{bend}, last slope {Math.Round(Slope, 2) + 0.0:0.00}");
    }

    /// <summary>A number in three digits, with k, M or G.</summary>
    public static string Short(double value)
    {
        (double scaled, string suffix) = value switch
        {
            >= 1e9 => (value / 1e9, " G"),
            >= 1e6 => (value / 1e6, " M"),
            >= 1e3 => (value / 1e3, " k"),
            _ => (value, ""),
        };
        return scaled.ToString("G3", CultureInfo.InvariantCulture) + suffix;
    }

    /// <summary>The root mean square of the relative errors.</summary>
    private static double Error((double X, double Y)[] points, double[] terms) =>
        Math.Sqrt(points.Average(point => Math.Pow((Value(terms, point.X) / point.Y) - 1, 2)));

    private static double Value(double[] terms, double x) => terms[0] + (x * (terms[1] + (x * terms[2])));

    /// <summary>Weighted normal equations: every point counts by its relative error.</summary>
    private static double[] Solve((double X, double Y)[] points, int[] terms)
    {
        double scale = points[^1].X;
        int n = terms.Length;
        var equations = new double[n, n + 1];
        foreach ((double x, double y) in points)
        {
            double[] row = [.. terms.Select(power => Math.Pow(x / scale, power) / y)];
            for (int i = 0; i < n; i++)
            {
                for (int j = 0; j < n; j++)
                {
                    equations[i, j] += row[i] * row[j];
                }
                equations[i, n] += row[i];
            }
        }
        for (int pivot = 0; pivot < n; pivot++) // symmetric and positive definite: no exchange of rows is needed
        {
            for (int row = 0; row < n; row++)
            {
                double factor = row == pivot ? 0 : equations[row, pivot] / equations[pivot, pivot];
                for (int column = pivot; column <= n; column++)
                {
                    equations[row, column] -= factor * equations[pivot, column];
                }
            }
        }
        var result = new double[3];
        for (int i = 0; i < n; i++)
        {
            result[terms[i]] = equations[i, n] / equations[i, i] / Math.Pow(scale, terms[i]);
        }
        return result;
    }
}
