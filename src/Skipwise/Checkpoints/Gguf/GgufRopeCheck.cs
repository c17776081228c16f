using Skipwise.Models;
using Skipwise.Rope;
using static System.FormattableString;

namespace Skipwise.Checkpoints.Gguf;

/// <summary>Whether llama.cpp rotates by the frequencies that a model was trained with, given a GGUF file of it.</summary>
/// <param name="LargestRatio">of a pair's frequency in the file and in the model, the larger by the smaller; 1: all are equal; 0: another
/// number of dimensions rotates</param>
/// <param name="AttentionScale">scale of cos and sin by the file</param>
/// <param name="ExpectedScale">scale of cos and sin by the model</param>
/// <param name="Differences">the keys and tensors at fault, each with what was found and what was expected; empty if all is equal</param>
internal sealed record GgufRopeCheck(double LargestRatio, double AttentionScale, double ExpectedScale, IReadOnlyList<string> Differences)
{
    private const double Tolerance = 1e-5; // the file's numbers are float32

    /// <summary>Compares a file of any origin with a model, within the original window and at full length.</summary>
    /// <exception cref="SkipwiseException">llama.cpp cannot compute the model, or refuses the file</exception>
    public static GgufRopeCheck Compare(GgufFile file, string modelType, DecoderConfig model)
    {
        var expected = new GgufMetadata();
        var architecture = GgufArchitecture.For(modelType, model);
        IReadOnlyList<GgufTensor> tensors = GgufRope.Describe(expected, architecture, model);
        string named = GgufRopeReader.ArchitectureOf(file);
        double ratio = 1;
        RopeFrequencies own = RopeFrequency.Compute(model.Rope, model.RotaryDim), found = own;
        int[] contexts = [Math.Max(1, ContextExtension.OriginalLength(model)), model.MaxPositionEmbeddings];
        foreach (int context in contexts)
        {
            found = GgufRopeReader.Read(file, context);
            if (found.InvFreq.Length != own.InvFreq.Length)
            {
                return new(0, found.AttentionFactor, own.AttentionFactor,
                    [$"{2 * found.InvFreq.Length} dimensions rotate, expected {model.RotaryDim}"]);
            }
            ratio = Math.Max(ratio, own.InvFreq.Zip(found.InvFreq, (a, b) => Math.Max(a / b, b / a)).Max());
        }
        bool isEqual = ratio - 1 < Tolerance && Math.Abs((found.AttentionFactor / own.AttentionFactor) - 1) < Tolerance;
        // the same frequencies can be spelled in several ways: keys are compared only if there is something to explain
        return new(ratio, found.AttentionFactor, own.AttentionFactor,
            isEqual ? [] : [.. Explain(file, named, architecture.Name, expected, tensors)]);
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
