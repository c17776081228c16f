using Skipwise.Reports.Plots;

namespace Skipwise.Reports;

/// <summary>The models of a report: their order, labels and styles, the same in every table and plot.</summary>
internal sealed class ModelLegend
{
    private readonly (string Key, string Label, SeriesStyle Style)[] _members;

    private ModelLegend((string Key, string Label, SeriesStyle Style)[] members) => _members = members;

    /// <summary>The demo's four models.</summary>
    public static ModelLegend Demo { get; } =
        new([.. DemoVariant.All.Select((variant, i) => (variant, DemoVariant.Label(variant), SeriesStyle.Demo[i]))]);

    /// <summary>A legend of models labelled by their names.</summary>
    public static ModelLegend Create(IEnumerable<string> names) =>
        new([.. names.Select((name, i) => (name, name, SeriesStyle.ByIndex(i)))]);

    /// <summary>Orders distinct keys: members first, in their order.</summary>
    public IReadOnlyList<string> Ordered(IEnumerable<string> keys) => [.. keys.Distinct().OrderBy(Index)];

    /// <summary>The label of a key in tables and plots; an unknown key is returned unchanged.</summary>
    public string Label(string key) => Index(key) is var i && i < _members.Length ? _members[i].Label : key;

    internal SeriesStyle Style(string key) => Index(key) is var i && i < _members.Length ? _members[i].Style : SeriesStyle.ByIndex(i);

    private int Index(string key)
    {
        int i = Array.FindIndex(_members, member => member.Key == key);
        return i < 0 ? _members.Length : i;
    }
}
