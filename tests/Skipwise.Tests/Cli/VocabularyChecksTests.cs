using System.Text.Json.Nodes;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Cli;

/// <summary>
/// A tokenizer with a token that the model's embedding has no row for: text that holds it is refused by every verb, other text is not.
/// </summary>
public sealed class VocabularyChecksTests(SmallModel model) : IClassFixture<SmallModel>
{
    private string Padded(string copy) => model.With(copy, "tokenizer.json", bytes =>
    {
        JsonNode json = JsonNode.Parse(bytes)!;
        json["added_tokens"]!.AsArray().Add(new JsonObject
        {
            ["id"] = TokenizerLoader.Load(model.Folder).VocabularySize,
            ["content"] = "[PAD]",
            ["special"] = true,
            ["single_word"] = false,
            ["lstrip"] = false,
            ["rstrip"] = false,
            ["normalized"] = false,
        });
        return System.Text.Encoding.UTF8.GetBytes(json.ToJsonString());
    });

    [Fact]
    public async Task Text_with_such_a_token_is_refused_before_anything_is_computed()
    {
        string folder = Padded("refused");
        int rows = TokenizerLoader.Load(model.Folder).VocabularySize;
        string text = model.Path("padded.txt"), store = model.Path("padded.tokens"), run = model.Path("run");
        await File.WriteAllTextAsync(text, string.Concat(Enumerable.Repeat("The lamp is on the table. ", 40)) + "[PAD]"
            + string.Concat(Enumerable.Repeat(" and the door is shut.", 40)), TestContext.Current.CancellationToken);
        string[] said = [$"has id {rows}, but the model's vocabulary has {rows} ids", $"its tokenizer has {rows + 1}"];
        string[] Train(string data) =>
            ["train", "--model", folder, "--data", data, "--target-length", "256", "--steps", "1", "--batch-size", "1", "--out", run];
        (await CliRun.Of(Train(text))).Complained(said);
        Assert.False(Directory.Exists(run));
        (await CliRun.Of("eval", "perplexity", "--model", folder, "--data", text, "--windows", "32")).Complained(said);
        (await CliRun.Of("generate", "--model", folder, "--prompt", "a [PAD] b", "--max-new-tokens", "2")).Complained(said);
        (await CliRun.Of("eval", "needle", "--model", folder, "--haystack", text, "--lengths", "128", "--trials", "1", "--depths", "2"))
            .Complained(said);
        (await CliRun.Of("prepare", "--model", folder, "--data", text, "--out", store)).Complained(said);
        Assert.False(File.Exists(store));
        string alone = Padded("alone"); // a tokenizer without a model: no one knows the rows
        File.Delete(Path.Combine(alone, "config.json"));
        (await CliRun.Of("prepare", "--model", alone, "--data", text, "--out", store)).Succeeded();
        (await CliRun.Of(Train(store))).Complained([.. said, store]);
        (await CliRun.Of("eval", "perplexity", "--model", folder, "--data", store, "--windows", "32")).Complained([.. said, store]);
        Assert.False(Directory.Exists(run));
    }

    [Fact]
    public async Task Other_text_is_as_good_as_ever()
    {
        string folder = Padded("taken");
        CliRun padded = (await CliRun.Of("generate", "--model", folder, "--prompt", "The lamp", "--max-new-tokens", "3")).Succeeded();
        Assert.Equal((await CliRun.Of("generate", "--model", model.Folder, "--prompt", "The lamp", "--max-new-tokens", "3"))
            .Succeeded().Output, padded.Output);
        (await CliRun.Of("train", "--model", folder, "--data", model.Text, "--target-length", "256", "--steps", "1", "--batch-size", "1",
            "--out", model.Path("other"))).Succeeded();
    }
}
