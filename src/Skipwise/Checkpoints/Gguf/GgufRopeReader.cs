using System.Globalization;
using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Formats;
using Skipwise.Rope;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// The frequencies that llama.cpp computes from a GGUF file, by its own rules: the file's keys are all that it asks, whoever wrote them.
/// The counterpart of <see cref="GgufRope"/>, which shares no formula with it.
/// </summary>
internal static class GgufRopeReader
{
    private const double DefaultBase = 10000, DefaultBetaFast = 32, DefaultBetaSlow = 1, YarnSlope = 0.1, NarrowestRamp = 0.001;

    // where llama.cpp looks for factors
    private static readonly string[] s_readsFreqs = ["llama"], s_readsLists = ["llama", "phi3"];

    /// <summary>The prefix of the architecture's rope keys.</summary>
    /// <exception cref="SkipwiseException">the file names no architecture</exception>
    public static string PrefixOf(GgufFile file) => ArchitectureOf(file) + ".rope.";

    /// <summary>general.architecture</summary>
    /// <exception cref="SkipwiseException">the file names none</exception>
    public static string ArchitectureOf(GgufFile file) => file.Values.TryGet("general.architecture", out string? name) ? name
        : throw new SkipwiseException($"{file.Path}: key general.architecture: missing. This is no model");

    /// <summary>A number of any type; null if there is none.</summary>
    public static double? Number(GgufFile file, string key) =>
        file.Values.Values.TryGetValue(key, out object? value) && value is not (string or bool or Array)
            ? Convert.ToDouble(value, CultureInfo.InvariantCulture) : null;

    /// <summary>Computes the frequencies.</summary>
    /// <param name="context">that llama.cpp is started with, in tokens: longrope's list is chosen by it</param>
    /// <exception cref="SkipwiseException">a key that llama.cpp needs is missing, or a tensor of factors has another size</exception>
    public static RopeFrequencies Read(GgufFile file, int context)
    {
        string architecture = ArchitectureOf(file), prefix = PrefixOf(file);
        int dimensions = (int)(Number(file, prefix + "dimension_count") ?? Number(file, $"{architecture}.attention.key_length")
            ?? Need(file, $"{architecture}.embedding_length") / Need(file, $"{architecture}.attention.head_count"));
        string type = file.Values.TryGet(prefix + "scaling.type", out string? stated) ? stated : "linear"; // llama.cpp's default
        double factor = Number(file, prefix + "scaling.factor") ?? Number(file, prefix + "scale_linear") ?? 0;
        double window = Number(file, prefix + "scaling.original_context_length") ?? Need(file, $"{architecture}.context_length");
        double theta = Number(file, prefix + "freq_base") ?? DefaultBase, interpolation = type == "none" || factor == 0 ? 1 : 1 / factor;
        float[]? factors = Factors(file, architecture, type, context > window);
        if (dimensions < 2 || (factors is not null && factors.Length != dimensions / 2))
        {
            throw new SkipwiseException(
                $"{file.Path}: {factors?.Length ?? 0} factors for {dimensions} rotary dimensions; llama.cpp refuses such a file");
        }
        double Corner(double turns) => dimensions * Math.Log(window / (turns * 2 * Math.PI)) / (2 * Math.Log(theta));
        double low = Math.Max(0, Math.Floor(Corner(Number(file, prefix + "scaling.yarn_beta_fast") ?? DefaultBetaFast)));
        double high = Math.Min(dimensions - 1, Math.Ceiling(Corner(Number(file, prefix + "scaling.yarn_beta_slow") ?? DefaultBetaSlow)));
        double[] frequencies = new double[dimensions / 2];
        for (int i = 0; i < frequencies.Length; i++)
        {
            double extrapolated = Math.Pow(theta, -2.0 * i / dimensions) / (factors?[i] ?? 1), interpolated = interpolation * extrapolated;
            double kept = type == "yarn" ? 1 - Math.Clamp((i - low) / Math.Max(NarrowestRamp, high - low), 0, 1) : 0;
            frequencies[i] = (interpolated * (1 - kept)) + (extrapolated * kept);
        }
        double scale = Number(file, prefix + "scaling.attn_factor") ?? 1;
        return new RopeFrequencies(frequencies, type == "yarn" ? scale * (1 - (YarnSlope * Math.Log(interpolation))) : scale);
    }

    private static double Need(GgufFile file, string key) => Number(file, key)
        ?? throw new SkipwiseException($"{file.Path}: key {key}: missing or no number; llama.cpp needs it");

    private static float[]? Factors(GgufFile file, string architecture, string type, bool isBeyond)
    {
        string? name = s_readsFreqs.Contains(architecture) && type != "longrope" ? "rope_freqs.weight"
            : s_readsLists.Contains(architecture) ? $"rope_factors_{(isBeyond ? "long" : "short")}.weight" : null;
        if (name is null || !file.Tensors.TryGetValue(name, out TensorEntry? entry))
        {
            return null;
        }
        byte[] bytes = new byte[entry.Length];
        file.ReadBytes(entry, bytes);
        return entry.Type.Name == "F32" ? MemoryMarshal.Cast<byte, float>(bytes).ToArray()
            : throw new SkipwiseException($"{file.Path}: tensor {name}: found {entry.Type}, expected F32");
    }
}
