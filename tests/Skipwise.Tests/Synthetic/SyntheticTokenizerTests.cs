using Skipwise.Synthetic;
using Skipwise.Tests.Tokenizers.Training;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Synthetic;

/// <summary>What the trainer writes is what the tokenizer reader reads.</summary>
public sealed class SyntheticTokenizerTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly NaiveBytePairTokenizer _naive = LearnedVocabulary.NewTokenizer();
    private readonly ITokenizer _tokenizer;

    public SyntheticTokenizerTests()
    {
        TokenizerWriter.Write(LearnedVocabulary.Vocabulary, _folder.Path, 256);
        _tokenizer = TokenizerLoader.Load(_folder.Path);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Special_tokens_have_the_first_ids()
    {
        Assert.Equal((1024, 1, 2, true), (_tokenizer.VocabularySize, _tokenizer.BosId, _tokenizer.EosId, _tokenizer.AddsBos));
        Assert.Equal([1, .. _naive.Encode("The end."), 2, 0], _tokenizer.Encode("<|begin|>The end.<|end|><|pad|>"));
    }

    [Fact]
    public void Documents_are_cut_as_in_training_and_come_back()
    {
        foreach (SyntheticKind kind in Enum.GetValues<SyntheticKind>())
        {
            for (ulong index = 0; index < 10; index++)
            {
                string text = SyntheticCorpus.Document(kind, SyntheticPart.HeldOut, 1, index, TextLength.Characters(3000));
                int[] ids = _tokenizer.Encode(text);
                Assert.Equal(_naive.Encode(text), ids);
                Assert.Equal(text, _tokenizer.Decode(ids));
            }
        }
    }

    [Theory]
    [InlineData("It is 48.\n\n\nI'll go  on!?  7s")]
    [InlineData("2026-01-31,\t½ of  12 345½\r\n ")]
    [InlineData("ß ä 𝄞 🐈 漢字 ٣ naïve 𝐱𝐲 𝟗𝟖")]
    public void Foreign_text_is_cut_alike_and_comes_back(string text)
    {
        int[] ids = _tokenizer.Encode(text);
        Assert.Equal(_naive.Encode(text), ids);
        Assert.Equal(text, _tokenizer.Decode(ids));
    }
}
