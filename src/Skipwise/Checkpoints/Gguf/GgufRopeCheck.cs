using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Storage.Gguf;
using static System.FormattableString;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>Whether llama.cpp rotates by the frequencies that a model was trained with, given a GGUF file of it.</summary>
/// <param name="Rotation">of the file, compared with the model's; null: another number of dimensions rotates</param>
/// <param name="Differences">the keys and tensors at fault, each with what was found and what was expected; empty if all is equal</param>
internal sealed record GgufRopeCheck(RotationDifference? Rotation, IReadOnlyList<string> Differences)
{
    private const double Tolerance = 1e-5; // of a key

    private static readonly string[] s_factors = ["rope_freqs.weight", "rope_factors_long.weight", "rope_factors_short.weight"];

    /// <summary>Whether frequencies and scale are the model's.</summary>
    public bool IsEqual => Differences.Count == 0;

    /// <summary>Compares a file of any origin with a model, within the original window and at full length.</summary>
    /// <exception cref="SkipwiseException">llama.cpp cannot compute the model, or refuses the file; or its rules for the file's
    /// architecture are not known here</exception>
    public static GgufRopeCheck Compare(GgufFile file, string modelType, DecoderConfig model)
    {
        var expected = new GgufMetadata();
        var architecture = GgufArchitecture.For(modelType, model);
        IReadOnlyList<GgufTensor> tensors = GgufRope.Describe(expected, architecture, model);
        string named = GgufRopeReader.ArchitectureOf(file);
        if (!GgufArchitecture.Names.Contains(named))
        {
            throw new SkipwiseException(
                $"{file.Path}: architecture {named}: only the rules of {string.Join(", ", GgufArchitecture.Names)} are known");
        }
        double rotating = GgufRopeReader.Dimensions(file);
        if (rotating != model.RotaryDim)
        {
            return new(null, [Invariant($"{rotating} dimensions rotate, expected {model.RotaryDim}")]);
        }
        var rotation = RotationDifference.Of(length => GgufRopeReader.Read(file, model.RotaryDim, length), model);
        bool isEqual = rotation.IsNone;
        // the same frequencies can be spelled in several ways: keys are compared only if there is something to explain
        string[] differences = isEqual ? [] : [.. Explain(file, named, architecture.Name, expected, tensors)];
        return new(rotation, isEqual || differences.Length > 0 ? differences
            : [Invariant($"the frequencies differ by up to {rotation.LargestRatio:0.####} times, and no key tells why")]);
    }

    private static IEnumerable<string> Explain(GgufFile file, string named, string architecture, GgufMetadata expected,
        IReadOnlyList<GgufTensor> tensors)
    {
        if (named != architecture)
        {
            yield return $"general.architecture is {named}, expected {architecture}";
        }
        string prefix = $"{architecture}.rope.", inFile = $"{named}.rope.";
        IEnumerable<string> stated = file.Values.Values.Keys.Where(key => key.StartsWith(inFile, StringComparison.Ordinal));
        string[] keys = [.. expected.Values.Keys.Concat(stated.Select(key => prefix + key[inFile.Length..])).Distinct()];
        foreach (string key in keys.Where(key => !key.EndsWith(".finetuned", StringComparison.Ordinal)))
        {
            string there = inFile + key[prefix.Length..];
            object? wanted = expected.Values.GetValueOrDefault(key), found = file.Values.Values.GetValueOrDefault(there);
            if (!AreEqual(wanted, found))
            {
                yield return Invariant($"{there} is {found ?? "missing"}, expected {wanted ?? "none"}");
            }
        }
        foreach (string name in tensors.Select(tensor => tensor.Name).Where(name => !file.Tensors.ContainsKey(name)))
        {
            yield return $"tensor {name} is missing";
        }
        foreach (string name in s_factors.Where(name => file.Tensors.ContainsKey(name) && tensors.All(tensor => tensor.Name != name)))
        {
            yield return $"tensor {name} is in the file, expected none";
        }
        if (tensors.Count > 0 && tensors.All(tensor => file.Tensors.ContainsKey(tensor.Name)))
        {
            yield return $"the factors in {string.Join(" and ", tensors.Select(tensor => tensor.Name))} may differ";
        }
    }

    private static bool AreEqual(object? wanted, object? found)
    {
        double? Number(object? value) => value is null or string or bool or Array ? null
            : Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture);
        return Equals(wanted, found) || (Number(wanted) is { } a && Number(found) is { } b && Math.Abs(a - b) <= Tolerance * Math.Abs(a));
    }
}
