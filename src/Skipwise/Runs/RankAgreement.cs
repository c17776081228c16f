using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Skipwise.Distributed;

namespace Skipwise.Runs;

/// <summary>
/// All ranks of a job have to do the same work: what decides it is compared over them, before they rely on it. Ranks that differ would
/// train another model, or wait for each other for ever.
/// </summary>
internal static class RankAgreement
{
    /// <summary>Paths and numbers of GPUs, which may differ from host to host: what is behind the paths is compared later.</summary>
    private static readonly HashSet<string> s_ofHost =
    [
        "model", "adapter", "out", "data", "data.paths", "evaluation.data.paths", "compute.device", "haystack", "squad", "hotpot", "trials",
        "cache", "tasksData",
    ];

    private static readonly string? s_version =
        typeof(RankAgreement).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    /// <summary>Compares version and options, before anything is read.</summary>
    /// <param name="collective">all ranks</param>
    /// <param name="options">options of the run</param>
    /// <param name="save">its checkpoints; null for an evaluation, which has none</param>
    /// <exception cref="SkipwiseException">a rank differs; names it and the values</exception>
    public static void RequireOptions(ICollective collective, object options, SaveOptions? save = null)
    {
        if (collective.Size == 1)
        {
            return;
        }
        Dictionary<string, string?> values = new()
        {
            ["version"] = s_version,
            ["build"] = typeof(RankAgreement).Assembly.ManifestModule.ModuleVersionId.ToString("N"),
        };
        Flatten("", JsonSerializer.SerializeToNode(options, options.GetType(), RunOptionsJson.Options), values);
        if (save is not null)
        {
            Flatten("save", JsonSerializer.SerializeToNode(save with { ConfigText = null }, RunOptionsJson.Options), values);
        }
        Require(collective, values, "the same command");
    }

    /// <summary>Compares the values that decide the run's bytes: model and data too.</summary>
    /// <param name="collective">all ranks</param>
    /// <param name="contract">that of this rank</param>
    /// <inheritdoc cref="RequireOptions" path="/exception"/>
    public static void RequireContract(ICollective collective, RunContract contract)
    {
        if (collective.Size > 1)
        {
            Require(collective, contract.Known, "the same command on the same files");
        }
    }

    private static void Require(ICollective collective, IReadOnlyDictionary<string, string?> values, string remedy)
    {
        IReadOnlyList<Statement> all = collective.AllGather(new Statement(Environment.MachineName, values));
        for (int rank = 1; rank < all.Count; rank++)
        {
            if (Differences(all[0].Values, all[rank].Values, rank) is { Count: > 0 } differences)
            {
                throw new SkipwiseException(FormattableString.Invariant(
                    $"rank {rank} on {all[rank].Host} differs from rank 0 on {all[0].Host}: {string.Join("; ", differences)}. ")
                    + $"Start all ranks with {remedy}.");
            }
        }
    }

    /// <summary>A value that one of the two does not know is no difference.</summary>
    private static List<string> Differences(
        IReadOnlyDictionary<string, string?> first, IReadOnlyDictionary<string, string?> other, int rank) =>
    [
        .. from name in first.Keys.Union(other.Keys).Order(StringComparer.Ordinal)
           let a = first.GetValueOrDefault(name, Absent)
           let b = other.GetValueOrDefault(name, Absent)
           where a is not null && b is not null && a != b
           select FormattableString.Invariant($"{name} is {a} on rank 0 and {b} on rank {rank}"),
    ];

    private const string Absent = "missing";

    private static void Flatten(string name, JsonNode? node, Dictionary<string, string?> values)
    {
        if (s_ofHost.Contains(name) && node is not JsonObject)
        {
            return;
        }
        if (node is JsonObject members)
        {
            foreach ((string member, JsonNode? value) in members)
            {
                Flatten(name.Length == 0 ? member : $"{name}.{member}", value, values);
            }
            return;
        }
        values[name] = node is null ? NamedNull : node.ToJsonString(s_oneLine);
    }

    private const string NamedNull = "none";
    private static readonly JsonSerializerOptions s_oneLine = new(RunOptionsJson.Options) { WriteIndented = false };

    private sealed record Statement(string Host, IReadOnlyDictionary<string, string?> Values);
}
