using Skipwise.Documents;

namespace Skipwise.Evaluation.Tasks;

/// <summary>A task's questions, and the pool of its few-shot examples.</summary>
/// <param name="FewshotPool">empty without few-shot examples</param>
/// <param name="FewshotSplit">split of the pool; null without few-shot examples</param>
internal sealed record TaskData(TaskConfig Card, int NumFewshot, IReadOnlyList<TaskDocument> Scored,
    IReadOnlyList<TaskDocument> FewshotPool, TaskSplit? FewshotSplit)
{
    /// <summary>Reads the task's splits from the folder.</summary>
    /// <exception cref="SkipwiseException">a split that is missing or ambiguous, a row that is no question of this task, too few
    /// examples</exception>
    public static TaskData Read(TaskConfig card, TaskFiles files, TaskOptions options)
    {
        int shots = options.NumFewshot ?? card.NumFewshot;
        if (card.ForbidsFewshot && shots > 0)
        {
            throw new SkipwiseException(
                $"{card.Name} brings its own examples in every prompt and takes no others; leave out " +
                $"{OptionName.Of(nameof(TaskOptions.NumFewshot))} for it, or run it on its own");
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
        // Examples come from the training split, else validation, else test (the harnesses' rule for tasks without a training split).
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

    /// <summary>The number of examples to draw for a question: one more than are used if the question itself may be among them.</summary>
    public int Draws(HarnessVersion harness)
    {
        bool oneMore = harness == HarnessVersion.V2023 ? FewshotSplit != TaskSplit.Train : Card.DrawsExtraShot;
        return NumFewshot == 0 ? 0 : NumFewshot + (oneMore ? 1 : 0);
    }

    private TaskData Checked(HarnessVersion harness)
    {
        int most = Draws(harness);
        return FewshotPool.Count >= most ? this : throw new SkipwiseException(
            $"{Card.Name}: {NumFewshot} examples are wanted, but its {TaskFiles.Name(FewshotSplit!.Value)} split has " +
            $"{FewshotPool.Count} questions to draw {most} from. Use a smaller " +
            $"{OptionName.Of(nameof(TaskOptions.NumFewshot))}, or provide the train split");
    }

    private static TaskDocument[]? Rows(TaskConfig card, TaskFiles files, TaskSplit split, TaskOptions options) =>
        files.Find(card, split) is { } paths
        ? [.. paths.SelectMany(path => RowReader.Read(path, options.Limits)).Select(row => card.Read(row, options.Harness))]
        : null;
}
