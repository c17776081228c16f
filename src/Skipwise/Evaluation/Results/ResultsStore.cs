using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Recipes;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Results;

/// <summary>
/// A folder of results: <c>results.jsonl</c>, to which each finished evaluation is appended; <c>comparison.json</c>, the last run's
/// comparison; <c>trials</c>, the raw answers; <c>samples</c>, each document's or question's contribution to a value. One writer at a time.
/// </summary>
internal sealed class ResultsStore
{
    /// <summary>Names of the files and folders in the store.</summary>
    public const string ResultsName = "results.jsonl", PlanName = "comparison.json", TrialsName = "trials", SamplesName = "samples";

    /// <summary>The setting of a stored record that holds the key of its evaluation.</summary>
    internal const string KeySetting = "measurement";

    private readonly string _folder;
    private readonly List<EvaluationRecord> _records;

    private ResultsStore(string folder, IEnumerable<EvaluationRecord> records) => (_folder, _records) = (folder, [.. records]);

    /// <summary>Opens a folder for adding results, and creates it if necessary.</summary>
    /// <exception cref="SkipwiseException">the folder cannot be created, or its results cannot be read</exception>
    public static ResultsStore Open(string folder)
    {
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, TrialsName));
            Directory.CreateDirectory(Path.Combine(folder, SamplesName));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SkipwiseException($"{folder}: the folder cannot be made: {e.Message}. Choose another one", e);
        }
        string results = Path.Combine(folder, ResultsName);
        var store = new ResultsStore(folder, File.Exists(results) ? JsonLines.Read<EvaluationRecord>(results) : []);
        if (File.Exists(Path.Combine(folder, PlanName)))
        {
            _ = store.ReadPlan(); // do not replace a file that is no comparison
        }
        return store;
    }

    /// <summary>Opens an existing folder of results.</summary>
    /// <exception cref="SkipwiseException">there is no such folder, or it holds no results</exception>
    public static ResultsStore OpenExisting(string folder) => File.Exists(Path.Combine(folder, PlanName))
        ? Open(folder)
        : throw new SkipwiseException(
            $"{folder}: no {PlanName} in it, so it is not a folder that 'skipwise eval all' wrote. "
            + $"Name the folder that was its {OptionName.Of(nameof(EvaluateAllOptions.Out))}");

    /// <summary>The key of an evaluation: a hash of the task, the model, the settings and the program's build.</summary>
    public static string Key(string task, string model, JsonObject settings)
    {
        var identity = new JsonArray(task, model, settings.DeepClone(), typeof(ResultsStore).Module.ModuleVersionId.ToString());
        return ContentHash.OfText(identity.ToJsonString());
    }

    /// <summary>The path of an evaluation's trial file.</summary>
    public string TrialsPath(string key) => Path.Combine(_folder, TrialsName, $"{key}.jsonl");

    /// <summary>The records of a finished evaluation; empty if it is not finished.</summary>
    public IReadOnlyList<EvaluationRecord> Find(string key) => [.. _records.Where(record => KeyOf(record) == key)];

    /// <summary><see cref="Find"/>, each record with its <see cref="EvaluationRecord.Samples"/> if they were stored.</summary>
    /// <exception cref="SkipwiseException">the samples cannot be read</exception>
    public IReadOnlyList<EvaluationRecord> FindWithSamples(string key)
    {
        IReadOnlyList<EvaluationRecord> records = Find(key);
        string path = SamplesPath(key);
        if (!File.Exists(path))
        {
            return records;
        }
        try
        {
            double[]?[] samples = JsonText.Deserialize<double[]?[]>(TextFile.Read(path), ReportJson.Line, nullItems: true);
            return samples.Length == records.Count
                ? [.. records.Zip(samples, (record, own) => record with { Samples = own })]
                : throw new JsonException($"it is not a list for each of {records.Count} numbers.");
        }
        catch (JsonException e)
        {
            throw new SkipwiseException(
                $"{path}: not what 'skipwise eval all' writes: {e.Message} Without the file, errors of changes are those of " +
                    $"unpaired results", e);
        }
    }

    /// <summary>Adds a finished evaluation, all or nothing.</summary>
    /// <param name="identity">the settings that <paramref name="key"/> was made from; those that a record lacks are added to its
    /// settings</param>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public void Add(string key, JsonObject identity, IReadOnlyList<EvaluationRecord> records)
    {
        foreach (EvaluationRecord record in records)
        {
            JsonObject settings = record.Settings?.DeepClone().AsObject() ?? [];
            foreach ((string name, JsonNode? value) in identity.Where(setting => !settings.ContainsKey(setting.Key)))
            {
                settings[name] = value?.DeepClone();
            }
            settings[KeySetting] = key;
            _records.Add(record with { Settings = settings });
        }
        AtomicFile.WriteText(SamplesPath(key), JsonSerializer.Serialize(records.Select(record => record.Samples), ReportJson.Line) + "\n");
        AtomicFile.WriteText(Path.Combine(_folder, ResultsName),
            string.Concat(_records.Select(record => EvaluationJson.ToJsonLine(record) + "\n")));
    }

    /// <summary>Writes <c>comparison.json</c>.</summary>
    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public void WritePlan(ComparisonPlan plan) =>
        AtomicFile.WriteText(Path.Combine(_folder, PlanName), JsonSerializer.Serialize(plan, ReportJson.Indented) + "\n");

    /// <summary>Reads <c>comparison.json</c>.</summary>
    /// <exception cref="SkipwiseException">the file cannot be read, or is no comparison</exception>
    public ComparisonPlan ReadPlan()
    {
        string path = Path.Combine(_folder, PlanName);
        try
        {
            return JsonText.Deserialize<ComparisonPlan>(TextFile.Read(path), ReportJson.Indented) is { Models.Count: > 0 } plan
                ? plan
                : throw new JsonException("it names no model.");
        }
        catch (JsonException e)
        {
            throw new SkipwiseException(
                $"{path}: not what 'skipwise eval all' writes: {e.Message} Run it again; finished evaluations are kept", e);
        }
    }

    private string SamplesPath(string key) => Path.Combine(_folder, SamplesName, $"{key}.json");

    private static string? KeyOf(EvaluationRecord record) =>
        record.Settings?[KeySetting] is JsonValue value && value.TryGetValue(out string? key) ? key : null;
}
