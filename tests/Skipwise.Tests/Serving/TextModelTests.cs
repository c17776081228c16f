using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Rope;
using Skipwise.Serving;
using Skipwise.Synthetic;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Serving;

/// <summary>With the shipped model and its tokenizer.</summary>
public sealed class TextModelTests : IDisposable
{
    private const string Prompt = "The keeper of the lighthouse went";
    private static readonly string s_shipped = Path.Combine(AppContext.BaseDirectory, "models", "skipwise-tiny");
    private readonly TextModel _model = Load();

    public void Dispose() => _model.Dispose();

    [Fact]
    public async Task A_text_is_that_of_generating_it_alone_piece_by_piece()
    {
        var alone = new System.Text.StringBuilder();
        GenerateText.Run(
            new() { Model = s_shipped, Prompt = Prompt, Generation = new() { MaxNewTokens = 40 } }, text => alone.Append(text));
        TextGeneration generation = _model.Generate(Request() with { TopLogProbabilities = 2 });
        TextDelta[] pieces = await generation.ReadDeltas().ToArrayAsync();
        Assert.Equal(alone.ToString(), string.Concat(pieces.Select(piece => piece.Text)));
        Assert.Equal(alone.ToString(), string.Concat(pieces.Select(piece => piece.Token!.Text)));
        Assert.Equal((40, FinishReason.Length), (generation.NewTokens, pieces[^1].Finish));
        Assert.All(pieces, piece => Assert.Equal(piece.Token!.Text, piece.Token.Top[0].Text)); // greedy
    }

    [Fact]
    public async Task A_stop_text_ends_it_wherever_tokens_end()
    {
        (string whole, _) = await _model.Generate(Request()).ReadAsync();
        for (int start = 3; start + 4 < whole.Length; start += 7)
        {
            string stop = whole.Substring(start, 4);
            (string text, FinishReason finish) = await _model.Generate(Request() with { StopTexts = ["never", stop] }).ReadAsync();
            Assert.Equal(whole[..whole.IndexOf(stop, StringComparison.Ordinal)], text);
            Assert.Equal(FinishReason.Stop, finish);
        }
    }

    /// <summary>A stop text that begins with a token: what is shown, and its evidence, is what fewer tokens give.</summary>
    [Fact]
    public async Task Tokens_of_a_stop_text_are_no_part_of_the_evidence()
    {
        TextRequest request = Request() with { FindsSources = true };
        string[] pieces = await _model.Generate(request).ReadDeltas().Select(piece => piece.Text).ToArrayAsync();
        int compared = 0;
        for (int tokens = 2; tokens + 3 < pieces.Length; tokens += 4)
        {
            string shown = string.Concat(pieces[..tokens]), stop = string.Concat(pieces[tokens..(tokens + 3)]);
            if (string.Concat(pieces).IndexOf(stop, StringComparison.Ordinal) != shown.Length)
            {
                continue; // it occurs before
            }
            TextGeneration stopped = _model.Generate(request with { StopTexts = [stop] });
            TextGeneration shorter = _model.Generate(request with { Options = request.Options with { MaxNewTokens = tokens } });
            Assert.Equal(await shorter.ReadAsync() with { Finish = FinishReason.Stop }, await stopped.ReadAsync());
            Assert.Equal(shorter.Evidence(), stopped.Evidence());
            compared++;
        }
        Assert.InRange(compared, 3, 40);
    }

    [Fact]
    public async Task The_prompt_s_tokens_have_texts_and_scores()
    {
        TextGeneration generation = _model.Generate(Request() with { ScoresPrompt = true, TopLogProbabilities = 1 });
        await generation.ReadAsync();
        IReadOnlyList<TextToken> tokens = generation.PromptScores();
        Assert.Equal(_model.Encode(Prompt), tokens.Select(token => token.Id));
        Assert.Equal(Prompt, string.Concat(tokens.Select(token => token.Text)));
        Assert.Null(tokens[0].LogProbability);
        Assert.All(tokens.Skip(1), token =>
        {
            Assert.True(token.LogProbability < 0);
            Assert.True(token.Top[0].LogProbability >= token.LogProbability);
        });
    }

    /// <summary>The mean negative log probability of a text that the model knows the style of, against float32's.</summary>
    [Theory]
    [InlineData(8, 0.005)]
    [InlineData(4, 0.15)]
    public async Task Quantized_weights_lose_little(int bits, double most)
    {
        using TextModel quantized = LoadTextModel.Run(new() { Model = s_shipped, QuantizationBits = bits });
        double exact = await Loss(_model), rounded = await Loss(quantized);
        Assert.NotEqual(exact, rounded);
        Assert.InRange((rounded - exact) / exact, -most, most);
        TextGeneration text = quantized.Generate(Request());
        Assert.Equal(40, (await text.ReadDeltas().ToArrayAsync()).Length);
    }

    /// <summary>The table of docs/serving.md: documents of 1000 tokens, by YaRN, against a cache in float32.</summary>
    [Theory]
    [InlineData(KvCacheType.Float32, 0, 6144)]
    [InlineData(KvCacheType.Float16, 1e-4, 3072)]
    [InlineData(KvCacheType.Bfloat16, 1e-3, 3072)]
    [InlineData(KvCacheType.Int8, 1e-3, 1632)]
    public async Task A_smaller_cache_loses_little(KvCacheType type, double most, long bytes)
    {
        TextModelOptions options = new() { Model = s_shipped, Rope = new() { Type = RopeType.Yarn, Factor = 8 } };
        using TextModel whole = LoadTextModel.Run(options);
        using TextModel smaller = LoadTextModel.Run(options with { Engine = new() { CacheType = type } });
        double[] exact = await Scores(whole, 1000, documents: 4), rounded = await Scores(smaller, 1000, documents: 4);
        double change = Math.Exp(exact.Average() - rounded.Average()) - 1;
        double apart = exact.Zip(rounded, (a, b) => Math.Abs(a - b)).Average();
        TestContext.Current.TestOutputHelper!.WriteLine(
            $"{type}: perplexity {Math.Exp(-exact.Average()):0.0000}, {change:e1}; mean difference of log probabilities {apart:e1}");
        Assert.Equal(type == KvCacheType.Float32, apart == 0);
        Assert.InRange(change, -most, most);
        Assert.InRange(apart, 0, 10 * most);
        Assert.Equal(13 * 256 * bytes, smaller.Engine.Statistics.CacheBytes); // of each document three whole pages are kept
    }

    [Fact]
    public void Bits_that_do_not_exist_and_an_adapter_beside_them_are_refused()
    {
        Assert.Contains("8 or 4",
            Assert.Throws<SkipwiseException>(() => LoadTextModel.Run(new() { Model = s_shipped, QuantizationBits = 5 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("do not go together",
            Assert.Throws<SkipwiseException>(
                () => LoadTextModel.Run(new() { Model = s_shipped, QuantizationBits = 8, Adapter = "lora" })).Message,
            StringComparison.Ordinal);
    }

    private static async Task<double> Loss(TextModel model) => -(await Scores(model, 120, documents: 1)).Average();

    /// <summary>Log probabilities of documents' tokens.</summary>
    private static async Task<double[]> Scores(TextModel model, int tokens, int documents)
    {
        var scores = new List<double>();
        for (int i = 0; i < documents; i++)
        {
            string text = SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.HeldOut, 1, (ulong)(3 + i),
                TextLength.Tokens(tokens, model.Tokenizer));
            TextGeneration generation = model.Generate(new()
            {
                Prompt = [.. model.Encode(text).Take(tokens)],
                Options = new() { MaxNewTokens = 1 },
                TopLogProbabilities = 0,
                ScoresPrompt = true,
            });
            await generation.ReadAsync();
            scores.AddRange(generation.PromptScores().Skip(1).Select(token => (double)token.LogProbability!));
        }
        return [.. scores];
    }

    [Fact]
    public void An_empty_stop_text_is_refused() =>
        Assert.Throws<SkipwiseException>(() => _model.Generate(Request() with { StopTexts = [""] }));

    private TextRequest Request() => new() { Prompt = _model.Encode(Prompt), Options = new() { MaxNewTokens = 40 } };

    private static TextModel Load()
    {
        PretrainedModel pretrained = PretrainedModel.Load(new ModelSource(s_shipped));
        return new TextModel("shipped", pretrained.Model, TokenizerLoader.Load(s_shipped), template: null, pretrained);
    }
}
