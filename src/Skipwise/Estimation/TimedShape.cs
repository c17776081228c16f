using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Estimation;

/// <summary>A step that is timed: that of the asked batch and length, or a smaller one that takes some seconds.</summary>
/// <param name="Rows">sequences</param>
/// <param name="Length">tokens per sequence</param>
/// <param name="Depth">how many times the one layer runs</param>
internal readonly record struct TimedShape(int Rows, int Length, int Depth)
{
    // Size of a timed step: some seconds on two cores; enough to fill a GPU.
    private const double CpuFlops = 2e11, GpuFlops = 200 * CpuFlops;
    // Below 512 tokens the weights' own cost hides that of the tokens; layers after the fourth cost the same.
    private const int MostTokens = 8192, LeastTokens = 512, MostLayers = 4;

    public long Tokens => (long)Rows * Length;

    /// <summary>As much of batch and length as is timed: fewer sequences first, then shorter ones.</summary>
    /// <param name="isSliding">whether the timed layer has the model's sliding window</param>
    public static TimedShape Of(StepFlops flops, bool isSliding, Device device, int batch, int length)
    {
        double most = device.type == DeviceType.CPU ? CpuFlops : GpuFlops;
        double OfOneLayer(int length) => flops.Layer(0, isSliding, 1, length) + (length * flops.EndsPerToken);
        int shorter = length;
        while (shorter > LeastTokens && (shorter > MostTokens || OfOneLayer(shorter) > most))
        {
            shorter = (shorter + 1) / 2; // halved, so that it divides into the same blocks
        }
        int rows = Math.Clamp(
            Math.Max((int)Math.Min(MostTokens / shorter, most / OfOneLayer(shorter)), LeastTokens / shorter), 1, batch);
        int depth = Math.Clamp(
            (int)(most / flops.Layer(0, isSliding, rows, shorter)), 1, Math.Min(MostLayers, flops.Config.NumHiddenLayers));
        return new(rows, shorter, depth);
    }
}
