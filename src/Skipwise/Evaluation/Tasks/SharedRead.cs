namespace Skipwise.Evaluation.Tasks;

/// <summary>
/// Requests whose inputs begin alike. The beginning is read once; the rest of each request, its tail, is read from the
/// beginning's keys and values. A request on its own is a beginning without a tail.
/// </summary>
/// <param name="Beginning">tokens that all inputs share, at least 1</param>
internal sealed record SharedRead(int Beginning, IReadOnlyList<TaskRequest> Requests)
{
    /// <summary>Joins the requests of each prompt whose common beginning makes it worth while. Pure.</summary>
    /// <param name="requests">with something to score each</param>
    /// <param name="mayShare">false for models whose rotation depends on the length of the whole text: a beginning is then not the same in two texts</param>
    public static IReadOnlyList<SharedRead> Of(IReadOnlyList<TaskRequest> requests, bool mayShare)
    {
        if (!mayShare)
        {
            return [.. requests.Select(Alone)];
        }
        // Texts that lost different numbers of tokens on the left have no beginning in common.
        return [.. requests.GroupBy(request => (request.Prompt, request.Cut)).SelectMany(group => Join([.. group]))];
    }

    /// <summary>Reads of equal beginnings, so that nothing is padded; the longest first, so that a lack of memory shows at once.</summary>
    /// <param name="batchSize">beginnings per batch; null takes as many as suit their length</param>
    public static IEnumerable<SharedRead[]> Batches(IEnumerable<SharedRead> reads, int? batchSize) => reads
        .GroupBy(read => read.Beginning)
        .OrderByDescending(equal => equal.Key)
        .SelectMany(equal => equal.Chunk(batchSize ?? Math.Clamp(Scorer.TokensPerBatch / equal.Key, 1, 64)));

    /// <summary>tokens that are read</summary>
    public long Cost => Beginning + Requests.Sum(request => (long)Tail(request).Length);

    /// <summary>what the request's input holds after the beginning; may be empty</summary>
    public ReadOnlySpan<int> Tail(TaskRequest request) => request.Inputs[Beginning..];

    private static SharedRead Alone(TaskRequest request) => new(request.Inputs.Length, [request]);

    private static IEnumerable<SharedRead> Join(TaskRequest[] requests)
    {
        int common = requests.Min(request => request.Inputs.Length);
        foreach (TaskRequest request in requests)
        {
            common = Math.Min(common, requests[0].Inputs.CommonPrefixLength(request.Inputs));
        }
        long apart = requests.Sum(request => (long)request.Inputs.Length);
        return common > 0 && new SharedRead(common, requests) is var joined && 4 * joined.Cost <= 3 * apart
            ? [joined]
            : requests.Select(Alone); // a second forward for the tails costs more than the shared tokens save
    }
}
