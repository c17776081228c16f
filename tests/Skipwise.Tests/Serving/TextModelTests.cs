using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Recipes;
using Skipwise.Serving;
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
