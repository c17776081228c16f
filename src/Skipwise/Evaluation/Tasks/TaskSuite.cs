using Skipwise.Models;
using Skipwise.Rope;
using Skipwise.Text;

namespace Skipwise.Evaluation.Tasks;

/// <summary>Benchmark tasks made ready for one tokenizer: their files read, prompts drawn and tokenized. Measuring is then a matter of the model alone.</summary>
public sealed class TaskSuite
{
    private readonly PreparedTask[] _tasks;
    private readonly TaskOptions _options;
    private readonly int _window;

    private TaskSuite(PreparedTask[] tasks, TaskOptions options, int window) => (_tasks, _options, _window) = (tasks, options, window);

    /// <summary>Reads, draws and tokenizes.</summary>
    /// <param name="folder">holds the tasks' public files; see <see cref="TaskFiles"/></param>
    /// <param name="names">from <see cref="TaskCatalog.Names"/></param>
    /// <param name="model">its window, and its BOS and EOS where the tokenizer names none</param>
    /// <exception cref="SkipwiseException">an unknown task, a file that is missing or broken, or an impossible setting</exception>
    public static TaskSuite Prepare(string folder, IEnumerable<string> names, ITokenizer tokenizer, DecoderConfig model, TaskOptions options, CancellationToken cancel = default)
    {
        options.Validate();
        int window = options.MaxLength ?? model.MaxPositionEmbeddings;
        var encoder = new RequestEncoder(tokenizer, options, window, model.BosTokenId, model.EosTokenId);
        IReadOnlyList<TaskCard> cards = TaskCatalog.Find(names);
        var files = new TaskFiles(folder);
        TaskData[] data = [.. cards.Select(card => TaskData.Read(card, files, options))]; // all files first: their errors are the likelier ones
        return new([.. data.Select(task => PreparedTask.Of(task, options, encoder, cancel))], options, window);
    }

    /// <summary>The numbers of every task, in the order in which the tasks were named.</summary>
    /// <param name="cacheFile">scores are kept here as they come, and found again by a later run with the same model; null keeps none</param>
    public IReadOnlyList<TaskResult> Measure(CausalLM model, string? cacheFile = null, IProgress<EvaluationProgress>? progress = null, CancellationToken cancel = default)
    {
        using RequestScores scores = cacheFile is null ? new() : new(cacheFile, ModelFingerprint.Of(model));
        // The same request is computed once, also where two tasks share it.
        var asked = new HashSet<string>();
        bool mayShare = model.Config.Rope.Type is not (RopeType.DynamicNtk or RopeType.LongRope);
        (PreparedTask Task, IReadOnlyList<SharedRead> Reads)[] work = [.. _tasks.Select(task =>
            (task, SharedRead.Of([.. task.ToScore.Where(request => scores.KeyOf(request) is var key && !scores.Has(key) && asked.Add(key))], mayShare)))];
        long total = work.Sum(part => part.Reads.Sum(read => read.Cost)), done = 0;
        foreach ((PreparedTask task, IReadOnlyList<SharedRead> reads) in work)
        {
            foreach (SharedRead[] batch in SharedRead.Batches(reads, _options.BatchSize))
            {
                cancel.ThrowIfCancellationRequested();
                progress?.Report(new(task.Name, batch[0].Beginning, done, total));
                scores.Add(RequestScorer.Score(model, batch, _options.BatchSize, cancel));
                done += batch.Sum(read => read.Cost);
            }
        }
        return Results(request => scores[scores.KeyOf(request)], cancel);
    }

    /// <summary>The numbers, from whatever scores the requests.</summary>
    internal IReadOnlyList<TaskResult> Results(Func<TaskRequest, RequestScore> score, CancellationToken cancel = default) =>
        [.. _tasks.SelectMany(task => task.Results(score, _options, _window, cancel))];
}
