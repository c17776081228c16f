using System.Text.Json;
using Skipwise.Models;
using Skipwise.Storage;

namespace Skipwise.Reproduction;

/// <summary>
/// Measured results by what decides them: <c>FOLDER/HASH.json</c> holds the settings and the result. A result is measured once, by the
/// first experiment that asks for it.
/// </summary>
/// <param name="folder">where the files are</param>
internal sealed class Measurements(string folder)
{
    private readonly Dictionary<string, object> _read = []; // by path: a table, a plot and several verdicts ask for the same number

    /// <summary>Whether a result is there.</summary>
    public bool Has(IReadOnlyList<NamedValue> settings) => File.Exists(PathOf(settings));

    /// <summary>A result, measured if it is not there.</summary>
    /// <param name="settings">everything that decides it: the kind of measurement with a version, the model's key, the data</param>
    /// <param name="measure">computes it; whatever it returns must survive JSON unchanged, for it is read back</param>
    public T Get<T>(IReadOnlyList<NamedValue> settings, Func<T> measure)
    {
        string path = PathOf(settings);
        if (_read.TryGetValue(path, out object? known))
        {
            return ((Measurement<T>)known).Result;
        }
        if (Read<T>(path) is { } kept)
        {
            _read[path] = kept;
            return kept.Result;
        }
        var measured = new Measurement<T>(
            settings.OrderBy(value => value.Name, StringComparer.Ordinal).ToDictionary(value => value.Name, value => value.Value!),
            measure());
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(path, JsonSerializer.Serialize(measured, ReportJson.Indented) + "\n");
        Measurement<T> written = Read<T>(path)!; // what a second run sees
        _read[path] = written;
        return written.Result;
    }

    /// <summary>Null if there is none, or one that cannot be read: it is measured again.</summary>
    private static Measurement<T>? Read<T>(string path)
    {
        try
        {
            return File.Exists(path) ? JsonText.Deserialize<Measurement<T>>(TextFile.Read(path), ReportJson.Indented) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private string PathOf(IReadOnlyList<NamedValue> settings) => Path.Combine(folder, CacheKey.Of(settings) + ".json");
}
