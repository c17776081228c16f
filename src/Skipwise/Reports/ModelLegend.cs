using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>The models that a report sets side by side: their order, and for each one name and one look in every table and plot.</summary>
public sealed class ModelLegend
{
    private readonly (string Key, string Label, SeriesStyle Style)[] _members;

    private ModelLegend((string Key, string Label, SeriesStyle Style)[] members) => _members = members;

    /// <summary>The demo's four models.</summary>
    public static ModelLegend Demo { get; } =
        new([.. DemoVariant.All.Select((variant, i) => (variant, DemoVariant.Label(variant), SeriesStyle.Demo[i]))]);

    /// <summary>Models that go by their own names.</summary>
    public static ModelLegend Create(IEnumerable<string> names) =>
        new([.. names.Select((name, i) => (name, name, SeriesStyle.ByIndex(i)))]);

    /// <summary>The keys present, the members first and in their order.</summary>
    public IReadOnlyList<string> Ordered(IEnumerable<string> keys) => [.. keys.Distinct().OrderBy(Index)];

    /// <summary>What a table or plot calls it; an unknown key stays as it is.</summary>
    public string Label(string key) => Index(key) is var i && i < _members.Length ? _members[i].Label : key;

    internal SeriesStyle Style(string key) => Index(key) is var i && i < _members.Length ? _members[i].Style : SeriesStyle.ByIndex(i);

    private int Index(string key)
    {
        int i = Array.FindIndex(_members, member => member.Key == key);
        return i < 0 ? _members.Length : i;
    }
}
