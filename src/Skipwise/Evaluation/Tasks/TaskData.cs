using Skipwise.Text;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A task's questions, and those that examples are taken from.</summary>
/// <param name="Pool">empty when no examples are wanted</param>
/// <param name="PoolSplit">where the pool comes from; null when no examples are wanted</param>
internal sealed record TaskData(TaskCard Card, int Shots, IReadOnlyList<TaskDocument> Scored, IReadOnlyList<TaskDocument> Pool, TaskSplit? PoolSplit)
{
    /// <summary>Reads what the task needs from the folder.</summary>
    /// <exception cref="SkipwiseException">a split that is missing or ambiguous, a row that is no question of this task, too few examples</exception>
    public static TaskData Read(TaskCard card, TaskFiles files, TaskOptions options)
    {
        int shots = options.Shots ?? card.Shots;
        if (card.RefusesShots && shots > 0)
        {
            throw new SkipwiseException($"{card.Name} brings its own examples in every prompt and takes no others; leave out --shots for it, or run it on its own");
        }
        TaskDocument[] scored = Rows(card, files, card.Scored, options) ?? throw files.Missing(card, card.Scored);
        if (scored.Length == 0)
        {
            throw new SkipwiseException($"{files.Folder}: {card.Name}: its {TaskFiles.Name(card.Scored)} split is empty");
        }
        if (shots == 0)
        {
            return new(card, 0, scored, [], null);
        }
        // Training questions serve as examples; without them those for validation, else for testing (the harnesses' rule for tasks without a training set).
        foreach (TaskSplit split in (TaskSplit[])[TaskSplit.Train, TaskSplit.Validation, TaskSplit.Test])
        {
            TaskDocument[]? pool = split == card.Scored ? scored : Rows(card, files, split, options);
            if (pool is { Length: > 0 })
            {
                return new TaskData(card, shots, scored, pool, split).Checked(options.Harness);
            }
        }
        throw files.Missing(card, TaskSplit.Train);
    }

    /// <summary>Examples to draw for a question: one more than are used where the question itself may be among them.</summary>
    public int Draws(Harness harness)
    {
        bool oneMore = harness == Harness.V2023 ? PoolSplit != TaskSplit.Train : Card.DrawsOneMore;
        return Shots == 0 ? 0 : Shots + (oneMore ? 1 : 0);
    }

    private TaskData Checked(Harness harness)
    {
        int most = Draws(harness);
        return Pool.Count >= most ? this : throw new SkipwiseException(
            $"{Card.Name}: {Shots} examples are wanted, but its {TaskFiles.Name(PoolSplit!.Value)} split has {Pool.Count} questions to draw {most} from. Use a smaller --shots, or provide the train split");
    }

    private static TaskDocument[]? Rows(TaskCard card, TaskFiles files, TaskSplit split, TaskOptions options) =>
        files.Find(card, split) is { } paths ? [.. paths.SelectMany(path => Records.Read(path, options.Limits)).Select(row => card.Read(row, options.Harness))] : null;
}
