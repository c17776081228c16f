using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Results;
using Skipwise.Models;

namespace Skipwise.Tests.Evaluation.Results;

public sealed class TrialFileTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly WordTokenizer _tokenizer = new(20, addsBos: true);
    private readonly PasskeyOptions _options = new() { Lengths = [150, 180], Trials = 5, MaxNewTokens = 3 };

    private string File => _folder["trials.jsonl"];

    [Fact]
    public void An_interrupted_measurement_continues_and_ends_like_an_uninterrupted_one()
    {
        using CausalLM model = TinyModel.Create();
        IReadOnlyList<PasskeyResult> whole = PasskeyEvaluator.Evaluate(model, _tokenizer, _options);
        using var stop = new CancellationTokenSource();
        int seen = 0;
        using (var file = new TrialFile<PasskeyTrial>(File, model: 7))
        {
            Assert.ThrowsAny<OperationCanceledException>(() =>
                PasskeyEvaluator.Evaluate(model, _tokenizer, _options with { BatchSize = 1 }, _ =>
            {
                if (++seen == 4)
                {
                    stop.Cancel();
                }
            }, file: file, cancel: stop.Token));
        }
        System.IO.File.AppendAllText(File, """{"length":150,"tri"""); // and the machine went down while it wrote
        Assert.Equal(4, System.IO.File.ReadAllLines(File).Length - 1);

        var asked = new CountingTokenizer(_tokenizer);
        using (var file = new TrialFile<PasskeyTrial>(File, model: 7))
        {
            IReadOnlyList<PasskeyResult> continued = PasskeyEvaluator.Evaluate(model, asked, _options, file: file);
            file.Complete(continued.SelectMany(result => result.Trials));
            Assert.Equal(whole.SelectMany(r => r.Trials),
                continued.SelectMany(r => r.Trials).Select(trial => trial with { CacheKey = null }));
        }
        Assert.Equal(6, asked.Decoded);
        Assert.Equal(whole.SelectMany(r => r.Trials).Select(trial => trial.Answer),
            System.IO.File.ReadAllLines(File).Select(line => EvaluationJson.Parse<PasskeyTrial>(line)!.Answer));
    }

    [Fact]
    public void What_another_model_or_another_limit_answered_is_not_taken()
    {
        using CausalLM model = TinyModel.Create();
        int Asked(ulong fingerprint, PasskeyOptions options)
        {
            var tokenizer = new CountingTokenizer(_tokenizer);
            using var file = new TrialFile<PasskeyTrial>(File, fingerprint);
            file.Complete(PasskeyEvaluator.Evaluate(model, tokenizer, options, file: file).SelectMany(result => result.Trials));
            return tokenizer.Decoded;
        }
        Assert.Equal(10, Asked(7, _options));
        Assert.Equal(0, Asked(7, _options));
        Assert.Equal(5, Asked(7, _options with { Lengths = [180, 210] })); // the others are kept
        Assert.Equal(10, Asked(8, _options with { Lengths = [180, 210] }));
        Assert.Equal(10, Asked(8, _options with { Lengths = [180, 210], MaxNewTokens = 4 }));
    }

    private const string Trial =
        "{\"length\":1,\"trial\":0,\"depth\":0,\"key\":7,\"prompt_tokens\":1,\"prompt\":\"\",\"answer\":\"7\",\"correct\":true";

    /// <summary>What the machine wrote half before it went down is gone: the next trial has a line of its own.</summary>
    [Fact]
    public void A_trial_after_a_torn_line_is_found_again()
    {
        System.IO.File.WriteAllText(File, Trial + ",\"cache_key\":\"ab\"}\n{\"length\":1,\"tri");
        using (var file = new TrialFile<PasskeyTrial>(File, 7))
        {
            file.Append(file.Find("ab")! with { CacheKey = "cd" });
        }
        using var again = new TrialFile<PasskeyTrial>(File, 7);
        Assert.Equal(again.Find("ab"), again.Find("cd")! with { CacheKey = "ab" });
    }

    [Theory]
    [InlineData("my notes\n", "line 1")]
    [InlineData("no line end", "line 1")]
    [InlineData("{\"text\":\"a corpus\"}\n", "line 1")]
    [InlineData(Trial + "}\n", "cache_key")]
    [InlineData(Trial + ",\"cache_key\":\"ab\"}\nnull\n", "line 2")]
    public void A_file_of_something_else_is_refused_and_left_as_it_is(string content, string place)
    {
        System.IO.File.WriteAllText(File, content);
        Assert.Contains(place, Assert.Throws<SkipwiseException>(() => new TrialFile<PasskeyTrial>(File, 7)).Message);
        Assert.Equal(content, System.IO.File.ReadAllText(File));
    }

    public void Dispose() => _folder.Dispose();

    private sealed class CountingTokenizer(WordTokenizer tokenizer) : Skipwise.Tokenizers.ITokenizer
    {
        public int Decoded { get; private set; }
        public int VocabularySize => tokenizer.VocabularySize;
        public int? BosId => tokenizer.BosId;
        public int? EosId => tokenizer.EosId;
        public bool AddsBos => tokenizer.AddsBos;
        public int[] Encode(string text) => tokenizer.Encode(text);

        public string Decode(ReadOnlySpan<int> ids)
        {
            Decoded++;
            return tokenizer.Decode(ids);
        }
    }
}
