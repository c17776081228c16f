using Skipwise.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Skipwise.Models.Lora;

/// <summary>Freezes a model and adds trainable LoRA adapters.</summary>
internal static class LoraInjector
{
    private const ulong Stream = 0x10a;

    /// <summary>
    /// Freezes the model, adds the adapters, quantizes the frozen projections. B is 0 at first, so the outputs do not change; A is drawn
    /// from U(-1/sqrt(in), 1/sqrt(in)), as in PEFT.
    /// </summary>
    /// <param name="seed">of A and of the dropout masks</param>
    /// <exception cref="SkipwiseException">a target that the model does not have, or a setting out of range</exception>
    public static void Apply(CausalLM model, LoraOptions options, ulong seed)
    {
        options.Validate();
        using IDisposable noGradient = no_grad();
        (string Name, Projection Projection)[] projections = [.. Projections(model)];
        string[] targets = Targets(options, projections.Select(p => p.Name));
        foreach (ModelParameter parameter in ModelParameter.AllOf(model))
        {
            parameter.Parameter.requires_grad = IsFullyTrained(parameter, options);
        }
        model.Dropout.Seed = seed;
        for (int index = 0; index < projections.Length; index++)
        {
            using var scope = NewDisposeScope();
            (string name, Projection projection) = projections[index];
            if (targets.Contains(LastPart(name)))
            {
                LoraLayer update = projection.AddLora(options, model.Dropout, index);
                update.A.weight.copy_(Uniform(update.A.weight, new KeyedRandom(seed, Stream, (ulong)index)));
                update.B.weight.zero_();
            }
            if (options.QuantizationBits is { } bits && projection.Quantized is null) // loading may have quantized it
            {
                projection.Quantize(bits);
            }
        }
    }

    /// <summary>Whether a parameter of the base model is fully trained.</summary>
    internal static bool IsFullyTrained(ModelParameter parameter, LoraOptions options) => parameter.Owner switch
    {
        ParameterRole.Norm => options.TrainNorms,
        ParameterRole.Embedding or ParameterRole.Head => options.TrainEmbeddings,
        _ => false,
    };

    /// <summary>The adapters, by the name of the weight that they change.</summary>
    public static IEnumerable<(string Weight, Parameter A, Parameter B, double Scale)> LoraWeights(CausalLM model) =>
        from projection in Projections(model)
        where projection.Projection.Lora is not null
        select ($"{projection.Name}.weight", projection.Projection.Lora!.A.weight, projection.Projection.Lora.B.weight,
            projection.Projection.Lora.Scaling);

    /// <summary>memory of the quantized weights, in bytes</summary>
    public static long QuantizedBytes(CausalLM model) => Projections(model).Sum(p => p.Projection.Quantized?.Bytes ?? 0);

    /// <summary>Whether any weight is quantized.</summary>
    internal static bool IsQuantized(CausalLM model) => Projections(model).Any(p => p.Projection.Quantized is not null);

    /// <summary>Dequantizes the quantized weights in another type, on another device from now on.</summary>
    internal static void MoveQuantized(CausalLM model, ScalarType dtype, Device device)
    {
        foreach ((_, Projection projection) in Projections(model))
        {
            projection.Quantized?.MoveTo(dtype, device);
        }
    }

    /// <summary>Every projection of the layers, by the name of its weight; without the head.</summary>
    internal static IEnumerable<(string Name, Projection Projection)> Projections(CausalLM model)
    {
        // named_modules lists a module inside a list under several names; only one of them prefixes its parameters.
        HashSet<string> parameters = [.. model.named_parameters().Select(p => p.name)];
        return model.named_modules()
            .Where(m => m.module is Projection { Role: ParameterRole.Matrix } && parameters.Contains($"{m.name}.weight"))
            .DistinctBy(m => m.module)
            .Select(m => (m.name, (Projection)m.module));
    }

    private static string[] Targets(LoraOptions options, IEnumerable<string> projections)
    {
        string[] known = [.. projections.Select(LastPart).Distinct()];
        if (options.TargetModules is [LoraOptions.AllLinear])
        {
            return known;
        }
        string[] unknown = [.. options.TargetModules.Except(known)];
        return unknown.Length == 0 ? [.. options.TargetModules]
            : throw new SkipwiseException(
                $"{OptionName.Of(nameof(LoraOptions.TargetModules))}: the model has no projection {string.Join(", ", unknown)}. " +
                $"It has {string.Join(", ", known)}; " +
                $"{LoraOptions.AllLinear} takes them all.");
    }

    private static string LastPart(string name) => name[(name.LastIndexOf('.') + 1)..];

    private static Tensor Uniform(Tensor like, KeyedRandom rng)
    {
        double bound = 1 / Math.Sqrt(like.size(1));
        var values = new float[like.numel()];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = (float)(((2 * rng.NextDouble()) - 1) * bound);
        }
        return tensor(values, device: like.device).view(like.shape);
    }
}
