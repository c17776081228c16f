using System.Globalization;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// A number and where a config.json states it: programs look for some of them in several places, and not all in the same.
/// </summary>
internal sealed record ConfigNumber(JsonSection Section, string Key, double Value)
{
    /// <summary>Those of the keys that the section has, in the order of the keys.</summary>
    public static IEnumerable<ConfigNumber> In(JsonSection section, IEnumerable<string> keys) =>
        keys.Where(section.Has).Select(key => new ConfigNumber(section, key, section.Double(key)));

    public SkipwiseException Wrong(string what) => Section.Error(Key, what);

    /// <summary>The error of two places that say different things: which of them a program reads depends on its version.</summary>
    public SkipwiseException Contradicts(ConfigNumber other) =>
        Wrong(string.Create(CultureInfo.InvariantCulture, $"found {Value}, but {other.Section.Prefix}{other.Key} is {other.Value}. ")
            + "Programs differ in which of the two they read: give both the number that the model was trained with");
}
