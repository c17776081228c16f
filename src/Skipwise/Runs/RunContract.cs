using System.Text.Json;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Runs;

/// <summary>
/// The named values that decide the bytes of a run's result. The contract is written when the run begins and compared when it is resumed.
/// Anything else may change between the two: paths, which of several GPUs computes, when the run saves, what is logged.
/// </summary>
/// <remarks>
/// A later release adds a value under a new name, with <see cref="NamedValue.Missing"/> as the behaviour of earlier releases. A value equal
/// to that is left out, so that runs of both releases continue in both. The version rises when the meaning of a name changes.
/// </remarks>
internal sealed class RunContract
{
    /// <summary>version of the names' meanings</summary>
    public const int Version = 1;

    private readonly NamedValue[] _values;
    private readonly bool _isPartial;

    private RunContract(IEnumerable<NamedValue> values, bool isPartial) =>
        (_values, _isPartial) = ([.. values.OrderBy(value => value.Name, StringComparer.Ordinal)], isPartial);

    /// <summary>All values.</summary>
    public static RunContract Complete(IEnumerable<NamedValue> values) => new(values, isPartial: false);

    /// <summary>Values that are known before a model is loaded; others in the file are not compared.</summary>
    public static RunContract Partial(IEnumerable<NamedValue> values) => new(values, isPartial: true);

    /// <summary>All values by name; null where a value is not known.</summary>
    public IReadOnlyDictionary<string, string?> Known => _values.ToDictionary(value => value.Name, value => value.Value);

    /// <summary>The file's text: JSON in ordinal order of the names.</summary>
    public string ToJson() => JsonSerializer.Serialize(new SavedContract(Version, _values
        .Where(value => value.Value is not null && !value.IsMissing)
        .ToDictionary(value => value.Name, value => value.Value!)), RunOptionsJson.Options) + "\n";

    /// <summary>Whether the file describes a run like this one.</summary>
    public bool IsThatOf(string path) => File.Exists(path) && Differences(Read(path, "folder")).Count == 0;

    /// <summary>Compares with the file of the run to be continued.</summary>
    /// <param name="path">the file</param>
    /// <param name="called">what the errors call the run's folder</param>
    /// <exception cref="SkipwiseException">
    /// the file describes another run (the message names each difference, with both values), cannot be read, or was written by a newer
    /// Skipwise
    /// </exception>
    public void RequireThatOf(string path, string called = "folder")
    {
        if (!File.Exists(path))
        {
            throw new SkipwiseException(
                $"{path}: is missing, so nothing tells whether this run can be continued with these options: an earlier version of "
                + $"Skipwise began it. Start a new run in another {called}.");
        }
        if (Differences(Read(path, called)) is { Count: > 0 } differences)
        {
            throw new SkipwiseException(
                $"{path}: this run was started with other options, so it cannot be continued with these: {string.Join("; ", differences)}. "
                + $"Repeat its options, or start a new run in another {called}.");
        }
    }

    private List<string> Differences(SavedContract saved)
    {
        List<string> differences =
        [
            .. from value in _values
               let before = saved.Values.GetValueOrDefault(value.Name) ?? value.Missing
               where value.Value is not null && value.Value != before
               select $"{value.Name} is {before ?? "missing"} in the run and {value.Value} here",
        ];
        if (!_isPartial)
        {
            differences.AddRange(saved.Values
                .ExceptBy(_values.Select(value => value.Name), pair => pair.Key)
                .OrderBy(pair => pair.Key, StringComparer.Ordinal)
                .Select(pair => $"{pair.Key} is {pair.Value} in the run and does not exist here"));
        }
        return differences;
    }

    private static SavedContract Read(string path, string called)
    {
        try
        {
            SavedContract saved = JsonText.Deserialize<SavedContract>(InputFile.ReadText(path), RunOptionsJson.Options);
            return saved.Values is not null && saved.Values.Values.All(value => value is not null)
                ? saved.Version <= Version ? saved : throw new SkipwiseException(
                    $"{path}: of version {saved.Version}: a newer Skipwise began this run, and this one knows version {Version}. "
                    + $"Continue it with that one, or start a new run in another {called}.")
                : throw new JsonException("it holds no values");
        }
        catch (JsonException e)
        {
            throw new SkipwiseException(
                $"{path}: cannot be read: {e.Message.TrimEnd('.')}. Without it nothing tells whether the run can be continued: "
                + $"start a new one in another {called}.", e);
        }
    }

    private sealed record SavedContract(int Version, Dictionary<string, string> Values);
}
