using System.Runtime.InteropServices;
using Skipwise.Checkpoints.Formats;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Rope;
using Skipwise.Storage;
using Skipwise.Storage.Gguf;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>
/// The RoPE scaling of a GGUF file as Hugging Face's config.json can say it. Factors per dimension pair are Llama 3's scaling if they
/// follow its formula; else they are longrope with one list, and so is an attention factor under another scaling than yarn. The
/// counterpart of <see cref="GgufRope"/>.
/// </summary>
internal static class GgufScaling
{
    private const double Equal = 1e-6, Similar = 1e-5; // of factors that a converter computed in float32

    private static readonly string[] s_types = ["none", "linear", "yarn", "longrope"];

    // an unknown one may change every frequency
    private static readonly string[] s_known =
    [
        "dimension_count", "freq_base", "scale_linear", "scaling.type", "scaling.factor", "scaling.original_context_length",
        "scaling.attn_factor", "scaling.yarn_attn_factor", "scaling.yarn_beta_fast", "scaling.yarn_beta_slow", "scaling.finetuned",
    ];

    /// <summary>Reads the scaling.</summary>
    /// <param name="dimensions">that rotate</param>
    /// <param name="window">context_length</param>
    /// <exception cref="SkipwiseException">a key is unknown or of another type, a tensor of factors has another size, or they do not go
    /// together</exception>
    public static RopeOptions Read(GgufFile file, GgufKeys keys, int dimensions, int window)
    {
        string architecture = GgufRopeReader.ArchitectureOf(file), prefix = GgufRopeReader.PrefixOf(file);
        if (keys.All.FirstOrDefault(key => key.StartsWith(prefix, StringComparison.Ordinal) && !s_known.Contains(key[prefix.Length..]))
            is { } stranger)
        {
            throw keys.Error(stranger, "unknown, and it may change the frequencies");
        }
        string type = keys.Text(prefix + "scaling.type") ?? "linear"; // llama.cpp's default
        if (!s_types.Contains(type))
        {
            throw keys.Error(prefix + "scaling.type", $"{type} is none of llama.cpp's: {string.Join(", ", s_types)}");
        }
        double factor = keys.Number(prefix + "scaling.factor") ?? keys.Number(prefix + "scale_linear") ?? 0;
        factor = type == "none" || factor == 0 ? 1 : factor;
        if (factor < 1)
        {
            throw keys.Error(prefix + "scaling.factor", FormattableString.Invariant($"is {factor}, expected 1 or more"));
        }
        if (keys.Number(prefix + "scaling.yarn_attn_factor") is { } stated && Math.Abs((stated / YarnScale(factor)) - 1) > Similar)
        {
            throw keys.Error(prefix + "scaling.yarn_attn_factor", FormattableString.Invariant(
                $"is {stated}, and llama.cpp scales by {YarnScale(factor)}"));
        }
        double scale = keys.Number(prefix + "scaling.attn_factor") ?? 1;
        int original = keys.Count(prefix + "scaling.original_context_length", JsonSection.LargestCount) ?? window;
        var rope = new RopeOptions
        {
            Theta = keys.Number(prefix + "freq_base") ?? RopeConfigReader.DefaultTheta,
            Factor = factor,
            OriginalMaxPositionEmbeddings = original,
        };
        (double[] Short, double[] Long)? lists = Lists(file, architecture, type, dimensions / 2);
        if (type == "yarn")
        {
            return lists is not null
                ? throw keys.Error(prefix + "scaling.type", "is yarn, and there are factors per dimension pair besides")
                : factor == 1 && scale == 1 ? Plain(rope, window)
                : Yarn(keys, prefix, rope, scale);
        }
        if (lists is null && Math.Abs(scale - 1) <= Equal)
        {
            return factor == 1 ? Plain(rope, window)
                : rope with { Type = RopeType.Linear, OriginalMaxPositionEmbeddings = Before(keys, prefix, window, factor) };
        }
        if (lists is var (near, far) && ReferenceEquals(near, far) && factor == 1 && Math.Abs(scale - 1) <= Equal
            && Llama3(near, rope, dimensions, window) is { } llama3)
        {
            return llama3;
        }
        double[] ones = [.. Enumerable.Repeat(1.0, dimensions / 2)];
        double[] Stretched(double[] list) => [.. list.Select(divisor => divisor * factor)];
        RopeOptions longrope = rope with
        {
            Type = RopeType.LongRope,
            Factor = Math.Max(1, (double)window / original),
            ShortFactor = Stretched(lists?.Short ?? ones),
            LongFactor = Stretched(lists?.Long ?? ones),
        };
        // transformers 4 loads a Phi-3 only if its scale is the derived one, and the file has it rounded to float32
        double derived = RopeFrequency.Compute(longrope, dimensions).AttentionFactor;
        return Math.Abs(scale - derived) <= Equal ? longrope : longrope with { AttentionFactor = scale };
    }

    /// <summary>The scaling of Llama 3 that has these divisors; null if none has, or several have. A file does not state it.</summary>
    private static RopeOptions? Llama3(double[] divisors, RopeOptions rope, int dimensions, int window)
    {
        double factor = Math.Round(divisors[^1], 3); // the slowest pair is divided by the whole factor
        RopeOptions[] matching =
        [
            .. Enumerable.Range(4, 27).Select(power => 1 << power).Where(original => original <= window && factor > 1)
                .Select(original => rope with { Type = RopeType.Llama3, Factor = factor, OriginalMaxPositionEmbeddings = original })
                .Where(llama3 => RopeFrequency.Divisors(llama3, dimensions).Zip(divisors)
                    .All(pair => Math.Abs((pair.First / pair.Second) - 1) < Similar)),
        ];
        return matching is [var only] ? only : null;
    }

    private static RopeOptions Plain(RopeOptions rope, int window) => rope with { Factor = 1, OriginalMaxPositionEmbeddings = window };

    /// <summary>The window before a linear scaling: that of the file, or what the scaling stretched.</summary>
    private static int Before(GgufKeys keys, string prefix, int window, double factor) =>
        keys.Count(prefix + "scaling.original_context_length", JsonSection.LargestCount) ?? Math.Max(1, (int)Math.Round(window / factor));

    /// <summary>llama.cpp multiplies attn_factor by yarn's own 1 + 0.1 ln s.</summary>
    private static RopeOptions Yarn(GgufKeys keys, string prefix, RopeOptions rope, double scale)
    {
        RopeOptions yarn = rope with
        {
            Type = RopeType.Yarn,
            BetaFast = keys.Number(prefix + "scaling.yarn_beta_fast") ?? rope.BetaFast,
            BetaSlow = keys.Number(prefix + "scaling.yarn_beta_slow") ?? rope.BetaSlow,
        };
        return Math.Abs(scale - 1) <= Equal ? yarn : yarn with { AttentionFactor = scale * YarnScale(rope.Factor) };
    }

    private static double YarnScale(double factor) => 1 + (0.1 * Math.Log(factor));

    /// <summary>The divisors where llama.cpp looks for them; null if there are none.</summary>
    private static (double[] Short, double[] Long)? Lists(GgufFile file, string architecture, string type, int pairs)
    {
        PairFactors kind = GgufArchitecture.FromName(architecture)!.PairFactors;
        double[]? one = kind == PairFactors.OneTensor && type != "longrope" ? List(file, "rope_freqs.weight", pairs) : null;
        if (one is not null || kind == PairFactors.None)
        {
            return one is null ? null : (one, one);
        }
        double[]? near = List(file, "rope_factors_short.weight", pairs), far = List(file, "rope_factors_long.weight", pairs);
        return (near, far) switch
        {
            (null, null) => null,
            ({ } both, { } longer) => (both, longer),
            _ => throw new SkipwiseException(
                $"{file.Path}: tensor rope_factors_{(near is null ? "short" : "long")}.weight: missing, and the other list is there"),
        };
    }

    private static double[]? List(GgufFile file, string name, int pairs)
    {
        if (!file.Tensors.TryGetValue(name, out TensorEntry? entry))
        {
            return null;
        }
        if (entry.Type.Name != "F32" || entry.Length != (long)pairs * sizeof(float))
        {
            throw new SkipwiseException($"{file.Path}: tensor {name}: found {entry}, expected {pairs} numbers of F32");
        }
        byte[] bytes = new byte[entry.Length];
        file.ReadBytes(entry, bytes);
        float[] factors = MemoryMarshal.Cast<byte, float>(bytes).ToArray();
        return factors.All(factor => float.IsFinite(factor) && factor > 0) ? [.. factors.Select(GgufKeys.Shortest)]
            : throw new SkipwiseException(
                $"{file.Path}: tensor {name}: has a factor that is not positive or not finite. Fetch the file again");
    }
}
