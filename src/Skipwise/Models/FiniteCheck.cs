using System.Globalization;
using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Models;

/// <summary>
/// Finds weights and results that are NaN or infinite: a model with such weights still returns logits, but they mean nothing.
/// </summary>
internal static class FiniteCheck
{
    /// <summary>Whether one of the values is NaN or infinite.</summary>
    public static bool HasNonFinite(Tensor values) => !double.IsFinite(MaxAbs(values));

    /// <summary>The largest magnitude, in one pass and without a copy; NaN if any value is, 0 for an empty tensor.</summary>
    public static double MaxAbs(Tensor values)
    {
        if (values.numel() == 0)
        {
            return 0;
        }
        using var scope = NewDisposeScope();
        using IDisposable noGradient = no_grad();
        (Tensor least, Tensor most) = aminmax(values.detach());
        return Math.Max(Math.Abs(least.to(ScalarType.Float64).item<double>()), Math.Abs(most.to(ScalarType.Float64).item<double>()));
    }

    /// <summary>Whether no finite value becomes infinite in that type.</summary>
    internal static bool FitsIn(Tensor values, ScalarType type)
    {
        double largest = values.dtype == type ? 0 : MaxAbs(values);
        using Tensor one = full([], largest, ScalarType.Float64, CPU), rounded = one.to(type);
        return !double.IsFinite(largest) || !HasNonFinite(rounded);
    }

    /// <summary>Description of the fault of a tensor whose <see cref="MaxAbs"/> is the given magnitude.</summary>
    internal static string NonFiniteMessage(double largest) =>
        double.IsNaN(largest) ? "holds values that are not numbers (NaN)" : "holds infinite values";

    /// <summary>Description of the overflow of finite values of that magnitude in that type.</summary>
    internal static string OverflowMessage(double largest, ScalarType type) =>
        string.Create(CultureInfo.InvariantCulture,
            $"values up to {largest:0.####e+0} leave the range of {type}: compute in float32 or bfloat16 " +
            $"({OptionName.Of(nameof(ComputeOptions.Dtype))})");

    /// <summary>The first of a model's weights that holds NaN or infinite values; null if all are finite.</summary>
    public static string? FindNonFinite(CausalLM model) =>
        model.named_parameters()
            .Where(weight => model.Residence?.Holds(weight.parameter) != true && HasNonFinite(weight.parameter)) // those in place
            .Select(weight => weight.name).FirstOrDefault();

    /// <summary>Requires every loss or logit to be finite.</summary>
    /// <param name="what">name of the results for the message: "losses"</param>
    /// <exception cref="SkipwiseException">one is NaN or infinite; names the weight at fault</exception>
    internal static void RequireFinite(CausalLM model, ReadOnlySpan<float> results, string what)
    {
        foreach (float result in results)
        {
            if (!float.IsFinite(result))
            {
                throw NotFinite(model, what);
            }
        }
    }

    /// <inheritdoc cref="RequireFinite(CausalLM, ReadOnlySpan{float}, string)"/>
    /// <param name="results">on any device</param>
    internal static void RequireFinite(CausalLM model, Tensor results, string what)
    {
        if (HasNonFinite(results))
        {
            throw NotFinite(model, what);
        }
    }

    private static SkipwiseException NotFinite(CausalLM model, string what)
    {
        string cause = FindNonFinite(model) is { } name
            ? $"weight {name} holds NaN or infinite values: the checkpoint is damaged or its training diverged. Use another one"
            : $"its weights are finite, but what is computed with them leaves the range of {model.Dtype}. Compute in float32 " +
                $"({OptionName.Of(nameof(ComputeOptions.Dtype))}), or check the checkpoint";
        return new($"The model's {what} are not all finite numbers: {cause}");
    }

    /// <summary>Requires a weight to stay in range when it is cast to half precision.</summary>
    /// <param name="name">name and origin of the weight</param>
    /// <exception cref="SkipwiseException">a finite value has become infinite</exception>
    internal static void RequireInRange(Tensor before, Tensor after, string name)
    {
        if (after.dtype != before.dtype && HasNonFinite(after) && MaxAbs(before) is var largest && double.IsFinite(largest))
        {
            throw new SkipwiseException($"{name}: {OverflowMessage(largest, after.dtype)}");
        }
    }

    /// <summary>The tensors with values beyond a type's range, with the largest of each, for an error message.</summary>
    /// <param name="largest">magnitude by name</param>
    public static string Describe(OrderedDictionary<string, double> largest)
    {
        const int mostNames = 20;
        IEnumerable<string> named = largest.Take(mostNames).Select(tensor => double.IsFinite(tensor.Value)
            ? FormattableString.Invariant($"{tensor.Key} (up to {tensor.Value:0.####e+0})") : $"{tensor.Key} (not finite)");
        return string.Join(", ", named) + (largest.Count > mostNames ? $" and {largest.Count - mostNames} more" : "");
    }
}
