using CsCheck;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Tokenizers.Training;

public sealed class BytePairTrainerTests
{
    private static BytePairVocabulary Train(IEnumerable<string> texts, int merges) =>
        BytePairTrainer.Train(texts, new BytePairOptions { VocabularySize = 3 + 256 + merges });

    [Fact]
    public void Merges_follow_the_counts_and_then_the_ids()
    {
        // The example of Sennrich, Haddow and Birch (2016), by hand. Pairs with equal counts: the smaller left id first, and
        // a merged token has a larger id than every byte.
        string[] texts =
        [
            .. Enumerable.Repeat("low", 5), .. Enumerable.Repeat("lower", 2),
            .. Enumerable.Repeat("newest", 6), .. Enumerable.Repeat("widest", 3),
        ];
        (string, string)[] expected =
        [
            ("e", "s"), ("es", "t"),                                        // 9 each
            ("l", "o"), ("lo", "w"),                                        // 7 each
            ("e", "w"), ("n", "ew"), ("new", "est"),                        // 6 each
            ("d", "est"), ("i", "dest"), ("w", "idest"),                    // 3 each
            ("e", "r"), ("low", "er"),                                      // 2 each
        ];
        BytePairVocabulary vocabulary = Train(texts, 100);
        Assert.Equal(expected, vocabulary.Merges); // nothing is left to merge, so it stops early
        Assert.Equal(["<|pad|>", "<|begin|>", "<|end|>", "!"], vocabulary.Tokens.Take(4));
        Assert.Equal(expected.Select(pair => pair.Item1 + pair.Item2), vocabulary.Tokens.Skip(3 + 256));
    }

    [Fact]
    public void Order_of_the_texts_does_not_matter()
    {
        string[] texts = ["the cat sat on the mat", "a cat and a hat", "that mat, the hat"];
        BytePairVocabulary forward = Train(texts, 10), backward = Train(texts.Reverse(), 10);
        Assert.Equal(forward.Merges, backward.Merges);
        Assert.Equal(forward.Tokens, backward.Tokens);
        Assert.Equal(10, forward.Merges.Count);
    }

    [Fact]
    public void Any_text_can_be_encoded_and_comes_back()
    {
        var tokenizer = new NaiveBytePairTokenizer(Train(["the cat sat on the mat and the rat ran"], 12));
        Gen.String[Gen.Char.Where(c => !char.IsSurrogate(c)), 0, 40]
            .Sample(text => Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text))));
        Assert.Equal("the 𝄞 cat 🐈", tokenizer.Decode(tokenizer.Encode("the 𝄞 cat 🐈")));
    }

    [Fact]
    public void Tokens_are_distinct_and_each_is_the_join_of_a_merge()
    {
        // Runs of one letter are where two different merges can spell the same token.
        Gen.Char["ab"].Array[1, 30].Select(characters => new string(characters)).Array[1, 8].Sample(texts =>
        {
            BytePairVocabulary vocabulary = Train(texts, 15);
            Assert.Equal(vocabulary.Tokens.Count, vocabulary.Tokens.Distinct().Count());
            Assert.Equal(vocabulary.Tokens.Skip(3 + 256), vocabulary.Merges.Select(merge => merge.Left + merge.Right).Distinct());
        });
    }

    [Fact]
    public void Pieces_are_words_with_their_space_single_digits_and_punctuation()
    {
        Assert.Equal(["It", "Ġis", "Ġ", "4", "8", ".", "ĊĊ", "Ċ", "I", "'ll", "Ġgo", "Ġ", "Ġon", "!?", "ĠĠ", "7", "s"],
            BytePairPieces.Cut("It is 48.\n\n\nI'll go  on!?  7s"));
        Assert.Equal(["ÃŁ", "ĠÃ¤"], BytePairPieces.Cut("ß ä"));
    }

    [Fact]
    public void Impossible_options_are_refused()
    {
        Assert.Contains("259", Assert.Throws<SkipwiseException>(() => Train([], -1)).Message);
        var twice = new BytePairOptions { SpecialTokens = ["<s>", "<s>"] };
        Assert.Contains("<s>", Assert.Throws<SkipwiseException>(() => BytePairTrainer.Train([], twice)).Message);
    }
}
