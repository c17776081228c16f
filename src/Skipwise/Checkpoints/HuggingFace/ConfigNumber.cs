using System.Globalization;
using Skipwise.Storage;

namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>
/// A number in a config.json with its place. Programs read some numbers from several places, and differ in which.
/// </summary>
internal sealed record ConfigNumber(JsonSection Section, string Key, double Value)
{
    /// <summary>The numbers of those keys that the section has, in the order of the keys.</summary>
    public static IEnumerable<ConfigNumber> In(JsonSection section, IEnumerable<string> keys) =>
        keys.Where(section.Has).Select(key => new ConfigNumber(section, key, section.Double(key)));

    public SkipwiseException Wrong(string what) => Section.Error(Key, what);

    /// <summary>The error for two places with different values, of which a program's version determines which it reads.</summary>
    public SkipwiseException Contradicts(ConfigNumber other) =>
        Wrong(string.Create(CultureInfo.InvariantCulture, $"found {Value}, but {other.Section.Prefix}{other.Key} is {other.Value}. ")
            + "Programs differ in which of the two they read: give both the number that the model was trained with");
}
