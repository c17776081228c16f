using Skipwise.Kernels;
using Skipwise.Training.Optimizers;

namespace Skipwise.Tests.Training.Optimizers;

/// <summary>The optimizers' definitions in float64, one number after the other.</summary>
internal static class NaiveOptimizers
{
    /// <summary>What a parameter carries from step to step.</summary>
    internal sealed class ReferenceWeight(double[] weight, int columns, bool isQuantized)
    {
        public double[] Weight { get; } = weight;
        public int Columns => columns;
        public bool IsQuantized => isQuantized;
        public double[] First { get; } = new double[weight.Length];
        public double[] Second { get; } = new double[weight.Length];
        public double[] RowMeans { get; } = new double[columns == 0 ? 0 : weight.Length / columns];
        public double[] ColumnMeans { get; } = new double[columns];
    }

    /// <param name="held">the two means as the optimizer holds them, if they are packed: where two codes are equally near, it says which
    /// was taken</param>
    public static void AdamW(ReferenceWeight p, double[] g, AdamWOptions o, double rate, int step, (double[] First, double[] Second) held)
    {
        double correction1 = 1 - Math.Pow(o.Beta1, step), correction2 = 1 - Math.Pow(o.Beta2, step);
        double decay = p.Columns > 0 ? o.WeightDecay : 0;
        for (int i = 0; i < g.Length; i++)
        {
            p.First[i] = (o.Beta1 * p.First[i]) + ((1 - o.Beta1) * g[i]);
            p.Second[i] = (o.Beta2 * p.Second[i]) + ((1 - o.Beta2) * g[i] * g[i]);
            p.Weight[i] *= 1 - (rate * decay);
            p.Weight[i] -= rate * (p.First[i] / correction1) / (Math.Sqrt(p.Second[i] / correction2) + o.Eps);
        }
        if (p.IsQuantized)
        {
            Round(p.First, DynamicQuantizationMap.Signed, keepsAboveZero: false, held.First);
            Round(p.Second, DynamicQuantizationMap.Unsigned, keepsAboveZero: true, held.Second);
        }
    }

    public static void Adafactor(ReferenceWeight p, double[] g, AdamWOptions o, double rate, int step)
    {
        double keep = 1 - Math.Pow(step, -0.8);
        double[] update = new double[g.Length];
        if (p.Columns == 0)
        {
            for (int i = 0; i < g.Length; i++)
            {
                p.Second[i] = (keep * p.Second[i]) + ((1 - keep) * ((g[i] * g[i]) + 1e-30));
                update[i] = g[i] / Math.Sqrt(p.Second[i]);
            }
        }
        else
        {
            int rows = p.RowMeans.Length, columns = p.Columns;
            double Square(int r, int c) => (g[(r * columns) + c] * g[(r * columns) + c]) + 1e-30;
            for (int r = 0; r < rows; r++)
            {
                p.RowMeans[r] = (keep * p.RowMeans[r]) + ((1 - keep) * Enumerable.Range(0, columns).Average(c => Square(r, c)));
            }
            for (int c = 0; c < columns; c++)
            {
                p.ColumnMeans[c] = (keep * p.ColumnMeans[c]) + ((1 - keep) * Enumerable.Range(0, rows).Average(r => Square(r, c)));
            }
            double mean = p.RowMeans.Average();
            for (int i = 0; i < g.Length; i++)
            {
                update[i] = g[i] / Math.Sqrt(p.RowMeans[i / columns] * p.ColumnMeans[i % columns] / mean);
            }
        }
        double size = Math.Max(1, Math.Sqrt(update.Average(u => u * u)));
        double decay = p.Columns > 0 ? o.WeightDecay : 0;
        for (int i = 0; i < g.Length; i++)
        {
            p.Weight[i] = (p.Weight[i] * (1 - (rate * decay))) - (rate * update[i] / size);
        }
    }

    /// <summary>To the nearest code, block by block. Of two that are equally near, as far as float32 can tell, to the one that is
    /// held.</summary>
    private static void Round(double[] values, float[] code, bool keepsAboveZero, double[] held)
    {
        for (int start = 0; start < values.Length; start += AdamW8Bit.BlockSize)
        {
            int end = Math.Min(values.Length, start + AdamW8Bit.BlockSize);
            double largest = values[start..end].Max(Math.Abs);
            for (int i = start; i < end && largest > 0; i++)
            {
                IEnumerable<float> choices = keepsAboveZero && values[i] > 0 ? code.Where(c => c > 0) : code;
                double share = values[i] / largest, nearest = choices.MinBy(c => Math.Abs(share - c));
                bool isTie = Math.Abs(share - (held[i] / largest)) <= Math.Abs(share - nearest) + (1e-6 * Math.Abs(share));
                values[i] = isTie ? held[i] : largest * nearest;
            }
        }
    }
}
