using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Storage;

namespace Skipwise.Evaluation.Results;

/// <summary>
/// A folder of results: <c>results.jsonl</c>, to which each measurement is added when it is done; <c>comparison.json</c>, what the last run
/// compared; <c>trials</c>, the raw answers; <c>samples</c>, what each document or question made of a number. One writer at a time.
/// </summary>
public sealed class ResultsStore
{
    public const string ResultsName = "results.jsonl", PlanName = "comparison.json", TrialsName = "trials", SamplesName = "samples";

    /// <summary>The member of a stored record's settings that names the measurement it belongs to.</summary>
    internal const string KeySetting = "measurement";

    private readonly string _folder;
    private readonly List<EvaluationRecord> _records;

    private ResultsStore(string folder, IEnumerable<EvaluationRecord> records) => (_folder, _records) = (folder, [.. records]);

    /// <summary>Opens a folder to add to; a new one is made.</summary>
    /// <exception cref="SkipwiseException">the folder cannot be made, or its results cannot be read</exception>
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
            _ = store.ReadPlan(); // a file of something else is not replaced
        }
        return store;
    }

    /// <summary>Opens a folder that a run has filled.</summary>
    /// <exception cref="SkipwiseException">there is no such folder, or it is not one of results</exception>
    public static ResultsStore OpenExisting(string folder) => File.Exists(Path.Combine(folder, PlanName))
        ? Open(folder)
        : throw new SkipwiseException(
            $"{folder}: no {PlanName} in it, so it is not a folder that 'skipwise eval all' wrote. Name the folder that was its --out");

    /// <summary>Identifies a measurement: what is measured, of which model, with which settings, by which build of the program.</summary>
    public static string Key(string task, string model, JsonObject settings)
    {
        var identity = new JsonArray(task, model, settings.DeepClone(), typeof(ResultsStore).Module.ModuleVersionId.ToString());
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(identity.ToJsonString())).AsSpan(0, 8));
    }

    /// <summary>Where the raw trials of a measurement go.</summary>
    public string TrialsPath(string key) => Path.Combine(_folder, TrialsName, $"{key}.jsonl");

    /// <summary>The numbers of a finished measurement; empty if it is not done yet.</summary>
    public IReadOnlyList<EvaluationRecord> Find(string key) => [.. _records.Where(record => KeyOf(record) == key)];

    /// <summary><see cref="Find"/>, each number with its <see cref="EvaluationRecord.Samples"/> as far as they were kept.</summary>
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
                $"{path}: not what 'skipwise eval all' writes: {e.Message} Without the file, errors of changes are those of numbers " +
                $"measured apart", e);
        }
    }

    /// <summary>Adds a finished measurement; the file then holds all of it, or, if that fails, nothing of it.</summary>
    /// <param name="identity">the settings that <paramref name="key"/> was made from; what a record does not say of them is added to its
    /// own</param>
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

    /// <exception cref="SkipwiseException">the file cannot be written</exception>
    public void WritePlan(ComparisonPlan plan) =>
        AtomicFile.WriteText(Path.Combine(_folder, PlanName), JsonSerializer.Serialize(plan, ReportJson.Indented) + "\n");

    /// <exception cref="SkipwiseException">the file cannot be read, or is something else</exception>
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
                $"{path}: not what 'skipwise eval all' writes: {e.Message} Run it again; what it has measured is kept", e);
        }
    }

    private string SamplesPath(string key) => Path.Combine(_folder, SamplesName, $"{key}.json");

    private static string? KeyOf(EvaluationRecord record) =>
        record.Settings?[KeySetting] is JsonValue value && value.TryGetValue(out string? key) ? key : null;
}
