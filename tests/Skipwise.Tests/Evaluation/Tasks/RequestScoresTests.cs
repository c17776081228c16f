using Skipwise.Evaluation.Results;
using Skipwise.Evaluation.Tasks;

namespace Skipwise.Tests.Evaluation.Tasks;

/// <summary>Scores of the benchmark tasks' requests in a <see cref="TrialFile{TTrial}"/>.</summary>
public sealed class RequestScoresTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly TaskRequest _first = new(0, [5, 6, 7], 2), _second = new(0, [5, 6, 7], 1), _third = new(0, [5, 6], 1);

    private string File => _folder["scores.jsonl"];

    public void Dispose() => _folder.Dispose();

    private static string Key(TrialFile<RequestScore> file, TaskRequest request) => file.Key(request.Tokens, request.ContinuationLength);

    private static RequestScore? Find(TrialFile<RequestScore> file, TaskRequest request) =>
        file.Find(Key(file, request)) is { } score ? score with { CacheKey = null } : null;

    private void Write(ulong model, params (TaskRequest, RequestScore)[] scores)
    {
        using var file = new TrialFile<RequestScore>(File, model);
        foreach ((TaskRequest request, RequestScore score) in scores)
        {
            file.Append(score with { CacheKey = Key(file, request) });
        }
    }

    [Fact]
    public void Scores_come_back_to_the_last_bit()
    {
        Write(1, (_first, new(-1.0 / 3 * 1e-7, true)), (_second, new(double.NegativeInfinity, false)));
        Write(1, (_third, new(-700.123456789012345, false)));
        using var file = new TrialFile<RequestScore>(File, 1);
        Assert.Equal(new(-1.0 / 3 * 1e-7, true), Find(file, _first));
        Assert.Equal(double.NegativeInfinity, Find(file, _second)!.LogLikelihood);
        Assert.Equal(-700.123456789012345, Find(file, _third)!.LogLikelihood);
    }

    [Fact]
    public void A_torn_last_line_is_dropped_and_the_file_goes_on()
    {
        Write(1, (_first, new(-1, true)), (_second, new(-2, false)));
        string whole = System.IO.File.ReadAllText(File);
        int secondLine = whole.IndexOf('\n', StringComparison.Ordinal) + 1;
        for (int length = secondLine; length < whole.Length; length += 7)
        {
            System.IO.File.WriteAllText(File, whole[..length]);
            using (var file = new TrialFile<RequestScore>(File, 1))
            {
                Assert.NotNull(Find(file, _first));
                Assert.Null(Find(file, _second));
                file.Append(new(-2, false) { CacheKey = Key(file, _second) });
            }
            Assert.Equal(whole, System.IO.File.ReadAllText(File));
        }
    }

    [Fact]
    public void Scores_are_the_models_own()
    {
        Write(1, (_first, new(-1, true)));
        using var file = new TrialFile<RequestScore>(File, 2);
        Assert.Null(Find(file, _first));
        // tokens and how many are scored both tell
        Assert.Equal(3, new[] { _first, _second, _third }.Select(request => Key(file, request)).Distinct().Count());
    }

    [Theory]
    [InlineData("{\"cache_key\": \"a\"}\n"), InlineData("[\n{}\n]\n"), InlineData("text\n"), InlineData("null\n")]
    public void Another_kind_of_file_is_left_alone(string text)
    {
        _folder.Write("scores.jsonl", text);
        Assert.Contains("scores.jsonl, line 1: not a trial of this test",
            Assert.Throws<SkipwiseException>(() => new TrialFile<RequestScore>(File, 1)).Message, StringComparison.Ordinal);
        Assert.Equal(text, System.IO.File.ReadAllText(File));
    }

    [Fact]
    public void One_run_at_a_time()
    {
        using var file = new TrialFile<RequestScore>(File, 1);
        Assert.Contains("cannot be opened", Assert.Throws<SkipwiseException>(() => new TrialFile<RequestScore>(File, 1)).Message,
            StringComparison.Ordinal);
        Assert.Contains("cannot be opened",
            Assert.Throws<SkipwiseException>(() => new TrialFile<RequestScore>(_folder["no/folder.jsonl"], 1)).Message,
            StringComparison.Ordinal);
    }
}
