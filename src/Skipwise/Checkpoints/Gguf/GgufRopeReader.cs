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
    private static readonly string[] s_types = ["none", "linear", "yarn", "longrope"];

    /// <summary>The prefix of the architecture's rope keys.</summary>
    /// <exception cref="SkipwiseException">the file names no architecture</exception>
    public static string PrefixOf(GgufFile file) => ArchitectureOf(file) + ".rope.";

    /// <summary>general.architecture</summary>
    /// <exception cref="SkipwiseException">the file names none</exception>
    public static string ArchitectureOf(GgufFile file) => file.Values.TryGet("general.architecture", out string? name) ? name
        : throw new SkipwiseException($"{file.Path}: key general.architecture: missing. This is no model");

    /// <summary>The number of dimensions that rotate.</summary>
    /// <exception cref="SkipwiseException">the file does not say</exception>
    public static double Dimensions(GgufFile file)
    {
        string architecture = ArchitectureOf(file);
        return Count(file, PrefixOf(file) + "dimension_count") ?? Count(file, $"{architecture}.attention.key_length")
            ?? Math.Floor(Need(file, $"{architecture}.embedding_length") / Need(file, $"{architecture}.attention.head_count"));
    }

    /// <summary>A whole number of any type; null if there is none.</summary>
    private static double? Count(GgufFile file, string key) =>
        file.Values.Values.TryGetValue(key, out object? value) && value is not (string or bool or Array or float or double)
            ? Convert.ToDouble(value, CultureInfo.InvariantCulture) : null;

    /// <summary>A number; null if there is none.</summary>
    /// <exception cref="SkipwiseException">of another type than llama.cpp reads there</exception>
    private static double? Number(GgufFile file, string key) => !file.Values.Values.TryGetValue(key, out object? value) ? null
        : value is float number ? number
        : throw new SkipwiseException($"{file.Path}: key {key}: is no float32; llama.cpp refuses such a file");

    /// <summary>Computes the frequencies.</summary>
    /// <param name="dimensions">that rotate, see <see cref="Dimensions"/></param>
    /// <param name="context">that llama.cpp is started with, in tokens: longrope's list is chosen by it</param>
    /// <exception cref="SkipwiseException">a key that llama.cpp needs is missing or of another type, a scaling is unknown, or a tensor of
    /// factors has another size</exception>
    public static RopeFrequencies Read(GgufFile file, int dimensions, int context)
    {
        string architecture = ArchitectureOf(file), prefix = PrefixOf(file);
        string type = file.Values.TryGet(prefix + "scaling.type", out string? stated) ? stated : "linear"; // llama.cpp's default
        if (!s_types.Contains(type))
        {
            throw new SkipwiseException(
                $"{file.Path}: key {prefix}scaling.type: {type} is none of llama.cpp's: {string.Join(", ", s_types)}");
        }
        double factor = Number(file, prefix + "scaling.factor") ?? Number(file, prefix + "scale_linear") ?? 0;
        double window = Count(file, prefix + "scaling.original_context_length") ?? Need(file, $"{architecture}.context_length");
        double theta = Number(file, prefix + "freq_base") ?? DefaultBase, interpolation = type == "none" || factor == 0 ? 1 : 1 / factor;
        float[]? factors = Factors(file, dimensions / 2, architecture, type, context > window);
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

    private static double Need(GgufFile file, string key) => Count(file, key)
        ?? throw new SkipwiseException($"{file.Path}: key {key}: missing or no number; llama.cpp needs it");

    private static float[]? Factors(GgufFile file, int pairs, string architecture, string type, bool isBeyond)
    {
        string? name = s_readsFreqs.Contains(architecture) && type != "longrope" ? "rope_freqs.weight"
            : s_readsLists.Contains(architecture) ? $"rope_factors_{(isBeyond ? "long" : "short")}.weight" : null;
        if (name is null || !file.Tensors.TryGetValue(name, out TensorEntry? entry))
        {
            return null;
        }
        if (entry.Type.Name != "F32" || entry.Length != (long)pairs * sizeof(float))
        {
            throw new SkipwiseException(
                $"{file.Path}: tensor {name}: {entry.Length} bytes of {entry.Type}, expected {pairs} numbers of F32; llama.cpp refuses " +
                "such a file");
        }
        byte[] bytes = new byte[entry.Length];
        file.ReadBytes(entry, bytes);
        return MemoryMarshal.Cast<byte, float>(bytes).ToArray();
    }
}
