namespace Skipwise.Evaluation.Ruler;

/// <summary>Options of the RULER evaluation. The defaults are the paper's.</summary>
public sealed record RulerOptions
{
    /// <summary>the paper's threshold of an effective length in percent: the average of Llama-2-7B-chat at 4k</summary>
    public const double PaperThreshold = 85.6;

    /// <summary>names of tasks; empty: all for which there is material</summary>
    public IReadOnlyList<string> Tasks { get; init; } = [];
    /// <summary>lengths of prompt and answer together, in tokens</summary>
    [Within(1, 1 << 27)]
    public required IReadOnlyList<int> Lengths { get; init; }
    /// <summary>samples per task and length</summary>
    [Within(1, 100000)]
    public int Samples { get; init; } = 500;
    /// <summary>average above which a length counts as effective, in percent</summary>
    [Within(0, 100)]
    public double Threshold { get; init; } = PaperThreshold;
    /// <summary>seed of the samples</summary>
    public ulong Seed { get; init; } = 42;
    /// <summary>prompts per batch; null: as many as fit a 256 MB cache</summary>
    [Within(1, 1 << 16)]
    public int? BatchSize { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate()
    {
        var problems = new List<string>();
        if (Lengths.Count == 0) { problems.Add("no length is given"); }
        if (Lengths.Distinct().Count() < Lengths.Count) { problems.Add("a length is given twice"); }
        if (Tasks.Distinct().Count() < Tasks.Count) { problems.Add("a task is given twice"); }
        foreach (string name in Tasks.Where(name => RulerTask.All.All(task => task.Name != name)))
        {
            problems.Add($"there is no task \"{name}\"; the tasks are {string.Join(", ", RulerTask.All.Select(task => task.Name))}");
        }
        OptionCheck.Require("RULER", this, problems);
    }

    /// <summary>The selected tasks, in RULER's order.</summary>
    /// <exception cref="SkipwiseException">the material of a selected task is missing</exception>
    public IReadOnlyList<RulerTask> SelectedTasks(RulerData material)
    {
        RulerTask[] chosen = [.. RulerTask.All.Where(task => Tasks.Count == 0 || Tasks.Contains(task.Name))];
        foreach (RulerTask task in chosen.Where(task => Tasks.Count > 0 && !IsAvailable(task, material)))
        {
            throw new SkipwiseException($"RULER: the task {task.Name} is made from {Source(task)}. Name the file, or leave the task out.");
        }
        return [.. chosen.Where(task => IsAvailable(task, material))];
    }

    /// <summary>The tasks that "all" omits because their material is missing, each with what it needs.</summary>
    public IReadOnlyList<string> UnavailableTasks(RulerData material) =>
        Tasks.Count > 0
        ? []
        : [.. RulerTask.All.Where(task => !IsAvailable(task, material))
            .Select(task => $"{task.Name} is left out: it is made from {Source(task)}")];

    private static bool IsAvailable(RulerTask task, RulerData material) => task.DataSource switch
    {
        RulerDataSource.Squad => material.Squad is not null,
        RulerDataSource.Hotpot => material.Hotpot is not null,
        _ => true,
    };

    private static string Source(RulerTask task) =>
        task.DataSource == RulerDataSource.Squad
        ? $"SQuAD's questions ({OptionName.Of(nameof(RulerData.Squad))} dev-v2.0.json)"
        : $"HotpotQA's questions ({OptionName.Of(nameof(RulerData.Hotpot))} hotpot_dev_distractor_v1.json)";
}
