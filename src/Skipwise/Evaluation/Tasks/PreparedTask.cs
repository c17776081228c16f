namespace Skipwise.Evaluation.Tasks;

/// <summary>One task's prompts with their requests, one per choice.</summary>
internal sealed record PreparedTask(TaskData Data, IReadOnlyList<TaskPrompt> Prompts, IReadOnlyList<TaskRequest[]> Requests)
{
    public static PreparedTask Create(TaskData data, TaskOptions options, RequestEncoder encoder, CancellationToken cancel)
    {
        IReadOnlyList<TaskPrompt> prompts = TaskPrompts.Build(data, options);
        return prompts.Count == 0
            ? throw new SkipwiseException(FormattableString.Invariant(
                $"{data.Card.Name}: a limit of {options.Limit} leaves none of its {data.Scored.Count} questions"))
            : new(data, prompts, [.. prompts.AsParallel().AsOrdered().WithCancellation(cancel).Select(encoder.Encode)]);
    }

    public string Name => Data.Card.Name;

    /// <summary>requests that need the model; a continuation that adds no token to its context has probability 1</summary>
    public IEnumerable<TaskRequest> ToScore => Requests.SelectMany(choices => choices).Where(request => request.ContinuationLength > 0);

    public IEnumerable<TaskResult> Results(Func<TaskRequest, RequestScore> score, TaskOptions options, int window, CancellationToken cancel)
    {
        RequestScore[][] scores =
            [.. Requests.Select(choices =>
                (RequestScore[])[.. choices.Select(request => request.ContinuationLength > 0 ? score(request) : new(0, true))])];
        int cutTexts = Requests.Sum(choices => choices.Count(request => request.TruncatedTokens > 0));
        int cutContinuations = Requests.Sum(choices => choices.Count(request => request.IsContinuationCut));
        string? shotSplit = Data.FewshotSplit is { } split ? TaskFiles.Name(split) : null;
        foreach (TaskMetric metric in Data.Card.Metrics)
        {
            double[] values = [.. Prompts.Select((prompt, i) => metric.PerDocument(prompt.Document, scores[i]))];
            (double value, double error) = metric.Aggregate(values, options.BootstrapIters, cancel);
            yield return new(Name, metric.Name, window, value, double.IsNaN(error) ? null : error, values.Length, Data.NumFewshot,
                shotSplit, cutTexts, cutContinuations)
            {
                Samples = metric.Samples(values, value),
            };
        }
    }
}
