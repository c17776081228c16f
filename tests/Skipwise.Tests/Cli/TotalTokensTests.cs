using Skipwise.Evaluation.Perplexity;
using Skipwise.Evaluation.Results;
using Skipwise.TokenStores;

namespace Skipwise.Tests.Cli;

/// <summary>A text of millions of tokens is measured in part unless all of it is asked for, and that is told.</summary>
public sealed class TotalTokensTests(SmallModel model) : IClassFixture<SmallModel>
{
    private const string Told = "was left out; --max-total-tokens 0 measures all of it";

    [Theory]
    [InlineData(1000, null, "100 300 200", "100 300 200", false)]
    [InlineData(600, null, "100 300 200", "100 300 200", false)]
    [InlineData(599, null, "100 300 200", "100 300 199", true)]
    [InlineData(400, null, "100 300 200", "100 300", true)]
    [InlineData(401, 51, "100 300 200", "100 300", true)] // one token fills no window
    [InlineData(10, 51, "100 300 200", "50", true)] // what fills a window, at least
    [InlineData(400, null, "100 300", "100 300", false)]
    public void Documents_are_taken_until_the_limit(int limit, int? shortest, string lengths, string taken, bool isCut)
    {
        var documents = new TokenList([.. lengths.Split(' ').Select(length => new int[int.Parse(length)])]);
        var options = new PerplexityOptions { Windows = [32], MinTokens = shortest ?? 0, MaxTotalTokens = limit };
        Assert.Equal(taken, string.Join(' ', PerplexityPlan.Documents(documents, options).Select(own => own.Length)));
        Assert.Equal(isCut, PerplexityPlan.IsCut(documents, options));
        Assert.Equal(lengths, string.Join(' ',
            PerplexityPlan.Documents(documents, options with { MaxTotalTokens = null }).Select(own => own.Length)));
        Assert.False(PerplexityPlan.IsCut(documents, options with { MaxTotalTokens = null }));
        // what reads a document's beginning or end alone is bounded by the number of documents
        Assert.Equal(3, PerplexityPlan.Documents(new TokenList([new int[90], new int[90], new int[90]]),
            options with { Mode = WindowMode.Truncate }).Count);
    }

    [Fact]
    public async Task Text_beyond_the_default_is_left_out_and_told()
    {
        string text = model.Path("long.txt");
        string line = string.Concat(Enumerable.Repeat("The river ran past the old mill and the road went on. ", 40));
        await File.WriteAllLinesAsync(text, Enumerable.Repeat(line, 800));
        string json = model.Path("long.json");
        CliRun run = (await CliRun.Of("eval", "perplexity", "-m", model.Folder, "-d", text, "-l", "64", "--json", json)).Succeeded();
        Assert.Contains($"the text after the first 262144 tokens {Told}", run.Error, StringComparison.Ordinal);
        EvaluationRecord record = Assert.Single(EvaluationJson.Read(json));
        Assert.Equal((262144, true), (record.Count, (bool)record.Settings!["is_cut"]!));
    }

    [Fact]
    public async Task A_small_text_is_measured_whole()
    {
        string[] line = ["eval", "perplexity", "-m", model.Folder, "-d", model.Text, "-l", "64"];
        CliRun plain = (await CliRun.Of(line)).Succeeded(), all = (await CliRun.Of([.. line, "--max-total-tokens", "0"])).Succeeded();
        Assert.Equal(all.Output, plain.Output);
        Assert.DoesNotContain(Told, plain.Error, StringComparison.Ordinal);
        CliRun some = (await CliRun.Of([.. line, "--max-total-tokens", "500"])).Succeeded();
        Assert.Matches(@"\n64 .* 500 +2\n", some.Output);
        Assert.Contains($"the text after the first 500 tokens {Told}", some.Error, StringComparison.Ordinal);
    }

    /// <summary>Of long documents only the first tokens count, also for how many documents are read.</summary>
    [Fact]
    public async Task Text_and_token_store_are_cut_alike()
    {
        string text = model.Path("cut.jsonl"), store = model.Path("cut.tokens");
        string line = string.Concat(Enumerable.Repeat("The river ran past the old mill and the road went on. ", 40));
        await File.WriteAllLinesAsync(text, Enumerable.Range(0, 12).Select(i => $$"""{"text": "{{i}} {{line}}"}"""));
        (await CliRun.Of("prepare", "-m", model.Folder, "-d", text, "-o", store)).Succeeded();
        string[] measure = ["eval", "perplexity", "-m", model.Folder, "-l", "64", "--max-tokens", "101", "--max-total-tokens", "550", "-d"];
        CliRun ofText = (await CliRun.Of([.. measure, text])).Succeeded(), ofStore = (await CliRun.Of([.. measure, store])).Succeeded();
        Assert.Equal(ofStore.Output, ofText.Output);
        Assert.Matches(@"\n64 .* 500 +5\n", ofText.Output);
        Assert.All([ofStore, ofText], run => Assert.Contains($"the text after the first 550 tokens {Told}", run.Error));
    }

    [Fact]
    public async Task A_comparison_tells_it_too()
    {
        string[] line = ["eval", "all", "-m", model.Folder, "-d", model.Text, "-o", model.Path("cut"), "-l", "128", "--trials", "1",
            "--depths", "2", "--needle-trials", "0"];
        CliRun cut = (await CliRun.Of([.. line, "--max-total-tokens", "500"])).Succeeded();
        Assert.Contains($"perplexity: the text after the first 500 tokens {Told}", cut.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Told, (await CliRun.Of(line)).Succeeded().Error, StringComparison.Ordinal);
    }
}
