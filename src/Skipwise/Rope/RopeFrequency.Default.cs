namespace Skipwise.Rope;

public static partial class RopeFrequency
{
    /// <summary>f_i = theta^(-2i/d) (Su et al. 2021).</summary>
    private static double[] Default(double theta, int rotaryDim)
    {
        double[] frequencies = new double[rotaryDim / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Math.Pow(theta, -2.0 * i / rotaryDim);
        }
        return frequencies;
    }
}
