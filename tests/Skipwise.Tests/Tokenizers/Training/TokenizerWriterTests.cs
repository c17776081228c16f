using System.Text.Json.Nodes;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Tokenizers.Training;

public sealed class TokenizerWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private JsonNode Read(string file) => JsonNode.Parse(File.ReadAllText(_folder[file]))!;

    [Fact]
    public void The_folder_holds_what_Hugging_Face_reads_and_nothing_else()
    {
        BytePairVocabulary vocabulary = BytePairTrainer.Train(["the cat and the hat"], new BytePairOptions { VocabularySize = 263 });
        TokenizerWriter.Write(vocabulary, _folder.Path, 256);
        TokenizerWriter.Write(vocabulary, _folder.Path, 256); // replaces

        Assert.Equal(["special_tokens_map.json", "tokenizer.json", "tokenizer_config.json"],
            Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        JsonNode tokenizer = Read("tokenizer.json");
        Assert.Equal(["<|pad|>", "<|begin|>", "<|end|>"], tokenizer["added_tokens"]!.AsArray().Select(token => (string?)token!["content"]));
        Assert.Equal([0, 1, 2], tokenizer["added_tokens"]!.AsArray().Select(token => (int)token!["id"]!));
        Assert.Equal("BPE", (string?)tokenizer["model"]!["type"]);
        Assert.Equal(Enumerable.Range(0, vocabulary.Tokens.Count),
            tokenizer["model"]!["vocab"]!.AsObject().Select(token => (int)token.Value!));
        Assert.Equal(vocabulary.Tokens, tokenizer["model"]!["vocab"]!.AsObject().Select(token => token.Key));
        Assert.Equal(vocabulary.Merges.Select(merge => $"{merge.Left} {merge.Right}"),
            tokenizer["model"]!["merges"]!.AsArray().Select(merge => (string)merge!));
        Assert.Equal(1, (int)tokenizer["post_processor"]!["special_tokens"]!["<|begin|>"]!["ids"]![0]!);

        JsonNode config = Read("tokenizer_config.json");
        Assert.Equal(("PreTrainedTokenizerFast", "<|begin|>", "<|end|>", "<|pad|>", true, 256),
            ((string)config["tokenizer_class"]!, (string)config["bos_token"]!, (string)config["eos_token"]!, (string)config["pad_token"]!,
                (bool)config["add_bos_token"]!, (int)config["model_max_length"]!));
    }

    [Fact]
    public void Other_special_tokens_than_three_are_refused()
    {
        BytePairVocabulary vocabulary = BytePairTrainer.Train(["a"], new BytePairOptions { SpecialTokens = ["<s>"] });
        Assert.Contains("3 special tokens",
            Assert.Throws<SkipwiseException>(() => TokenizerWriter.Write(vocabulary, _folder.Path, 256)).Message);
        Assert.Empty(Directory.GetFiles(_folder.Path));
    }
}
