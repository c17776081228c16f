using Skipwise.Numerics;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Chooses the questions, their order and their few-shot examples with the harness's random draws. Pure.</summary>
internal static class TaskPrompts
{
    private const long ShuffleSeed = 42; // harness 2023: also draws the examples
    private const long ShotSeed = 1234; // harness 0.4

    public static IReadOnlyList<TaskPrompt> Build(TaskData data, TaskOptions options)
    {
        int[] order = [.. Enumerable.Range(0, data.Scored.Count)];
        var random = new PythonRandom(options.Harness == HarnessVersion.V2023 ? ShuffleSeed : ShotSeed);
        if (options.Harness == HarnessVersion.V2023)
        {
            random.Shuffle(order.AsSpan());
        }
        var prompts = new List<TaskPrompt>();
        foreach (int index in order.Take(Count(order.Length, options)))
        {
            TaskDocument document = data.Scored[index];
            int[] shots = data.NumFewshot == 0 ? [] : Draw(random, document, data, options.Harness);
            prompts.Add(new(index, document, shots, string.Concat(shots.Select(shot => data.FewshotPool[shot].FewshotText + "\n\n"))));
        }
        return prompts;
    }

    private static int[] Draw(PythonRandom random, TaskDocument document, TaskData data, HarnessVersion harness)
    {
        int[] drawn = random.Sample(data.FewshotPool.Count, data.Draws(harness));
        // Harness 2023 does not check whether the question is among the training questions.
        return harness == HarnessVersion.V2023 && data.FewshotSplit == TaskSplit.Train
            ? drawn
            : [.. drawn.Where(shot => data.FewshotPool[shot].Row != document.Row).Take(data.NumFewshot)];
    }

    /// <summary>The number of documents. A limit below 1 is a fraction: harness 2023 rounds down, 0.4 up.</summary>
    private static int Count(int documents, TaskOptions options) => options.Limit switch
    {
        null => documents,
        < 1 and { } share => options.Harness == HarnessVersion.V2023 ? (int)(documents * share) : (int)Math.Ceiling(documents * share),
        { } number => (int)Math.Min(documents, number),
    };
}
