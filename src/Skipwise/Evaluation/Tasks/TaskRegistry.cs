namespace Skipwise.Evaluation.Tasks;

/// <summary>The benchmark tasks by name.</summary>
internal static class TaskRegistry
{
    private static readonly TaskConfig[] s_cards =
        [BoolQ.Card, Piqa.Card, WinoGrande.Card, TruthfulQa.Mc1, TruthfulQa.Mc2, ArcChallenge.Card, HellaSwag.Card, Lambada.Card];

    private static readonly Dictionary<string, string[]> s_groups = new()
    {
        ["truthfulqa"] = ["truthfulqa_mc1", "truthfulqa_mc2"],
        ["all"] = [.. s_cards.Select(card => card.Name)],
    };

    /// <summary>All valid task names: tasks, then groups of tasks.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_cards.Select(card => card.Name), .. s_groups.Keys];

    /// <summary>The tasks of these task and group names, each once.</summary>
    internal static IReadOnlyList<TaskConfig> Find(IEnumerable<string> names)
    {
        string[] wanted = [.. names.SelectMany(name => s_groups.GetValueOrDefault(name, [name])).Distinct()];
        return wanted.Length == 0
            ? throw new SkipwiseException($"No task is named. Known: {string.Join(", ", Names)}.")
            : [.. wanted.Select(name => Array.Find(s_cards, card => card.Name == name)
                ?? throw new SkipwiseException($"Unknown task '{name}'. Known: {string.Join(", ", Names)}."))];
    }
}
