using Skipwise.Distributed;
using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Scoring;
using Skipwise.Models;
using Skipwise.Tokenizers;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Benchmark tasks prepared for one tokenizer: files are read, prompts drawn and tokenized. Evaluation then needs only the
/// model.</summary>
public sealed class TaskSuite
{
    private readonly PreparedTask[] _tasks;
    private readonly TaskOptions _options;
    private readonly int _window;

    private TaskSuite(PreparedTask[] tasks, TaskOptions options, int window) => (_tasks, _options, _window) = (tasks, options, window);

    /// <summary>Reads the tasks' files, draws the prompts and tokenizes them.</summary>
    /// <param name="folder">holds the tasks' public files; see <see cref="TaskFiles"/></param>
    /// <param name="names">from <see cref="TaskRegistry.Names"/></param>
    /// <param name="model">its window, and its BOS and EOS if the tokenizer defines none</param>
    /// <exception cref="SkipwiseException">an unknown task, a file that is missing or broken, or an impossible setting</exception>
    public static TaskSuite Prepare(string folder, IEnumerable<string> names, ITokenizer tokenizer, DecoderConfig model,
        TaskOptions options, CancellationToken cancel = default)
    {
        options.Validate();
        int window = options.MaxLength ?? model.MaxPositionEmbeddings;
        var encoder = new RequestEncoder(tokenizer, options, window, model.BosTokenId, model.EosTokenId);
        IReadOnlyList<TaskConfig> cards = TaskRegistry.Find(names);
        var files = new TaskFiles(folder);
        // all files first, because errors are most likely there
        TaskData[] data = [.. cards.Select(card => TaskData.Read(card, files, options))];
        return new([.. data.Select(task => PreparedTask.Create(task, options, encoder, cancel))], options, window);
    }

    /// <summary>Reads the tasks' files to find errors before the evaluation.</summary>
    /// <exception cref="SkipwiseException">an unknown task, or a file that is missing or broken</exception>
    public static void RequireData(string folder, IEnumerable<string> names, TaskOptions options)
    {
        var files = new TaskFiles(folder);
        foreach (TaskConfig card in TaskRegistry.Find(names))
        {
            _ = TaskData.Read(card, files, options);
        }
    }

    /// <summary>Evaluates the model; returns the results in the order of the task names.</summary>
    /// <param name="file">cache of scores: earlier runs' are reused, new ones added; null: none. Rank 0 alone has it</param>
    /// <param name="ranks">those that evaluate together, all by this call on the same; each gets the results. They divide the batches.
    /// Null: this process alone</param>
    public IReadOnlyList<TaskResult> Evaluate(CausalLM model, TrialFile<RequestScore>? file = null,
        IProgress<EvaluationProgress>? progress = null, ICollective? ranks = null, CancellationToken cancel = default)
    {
        string KeyOf(TaskRequest request) => TrialCacheKey.Compute(file?.Model ?? 0, request.Tokens, request.ContinuationLength);
        TaskRequest[] all = [.. _tasks.SelectMany(task => task.ToScore)];
        Dictionary<string, RequestScore> scores = Known(all, file, ranks ?? SingleProcess.Instance, KeyOf);
        var asked = new HashSet<string>(scores.Keys);
        // Equal requests are computed once, also across tasks.
        (PreparedTask Task, TaskRequest[] Requests)[] work =
            [.. _tasks.Select(task => (task, task.ToScore.Where(request => asked.Add(KeyOf(request))).ToArray()))];
        long total = work.Sum(part => part.Requests.Sum(request => (long)request.Tokens.Length)), done = 0;
        using var lm = new EvaluationLM(model, _options.BatchSize, ranks);
        foreach ((PreparedTask task, TaskRequest[] requests) in work)
        {
            foreach ((int index, AnswerScore score) in lm.LogLikelihood([.. requests.Select(request => request.Prompt)],
                [.. requests.Select(request => request.Answer)], cancel))
            {
                TaskRequest request = requests[index];
                var own = new RequestScore(score.LogProbs.Sum(), score.IsCorrect) { CacheKey = KeyOf(request) };
                scores[own.CacheKey] = own;
                file?.Append(own);
                done += request.Tokens.Length;
                progress?.Report(new(task.Name, request.Tokens.Length, done, total));
            }
        }
        return Results(request => scores[KeyOf(request)], cancel);
    }

    /// <summary>The scores that the file of rank 0 holds, on all ranks.</summary>
    private static Dictionary<string, RequestScore> Known(TaskRequest[] requests, TrialFile<RequestScore>? file, ICollective ranks,
        Func<TaskRequest, string> keyOf)
    {
        Dictionary<int, RequestScore> found = [];
        for (int i = 0; file is not null && i < requests.Length; i++)
        {
            if (file.Find(keyOf(requests[i])) is { } known)
            {
                found[i] = known;
            }
        }
        var scores = new Dictionary<string, RequestScore>();
        foreach ((int i, RequestScore score) in ranks.Exchange(() => found, CancellationToken.None)[0])
        {
            scores[keyOf(requests[i])] = score;
        }
        return scores;
    }

    /// <summary>The results from a function that scores the requests.</summary>
    internal IReadOnlyList<TaskResult> Results(Func<TaskRequest, RequestScore> score, CancellationToken cancel = default) =>
        [.. _tasks.SelectMany(task => task.Results(score, _options, _window, cancel))];
}
