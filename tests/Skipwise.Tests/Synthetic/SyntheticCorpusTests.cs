using System.Security.Cryptography;
using System.Text;
using Skipwise.Synthetic;
using Skipwise.Tests.Tokenizers.Training;

namespace Skipwise.Tests.Synthetic;

public sealed class SyntheticCorpusTests
{
    private readonly NaiveBytePairTokenizer _tokenizer = LearnedVocabulary.NewTokenizer();

    public static TheoryData<SyntheticKind> Kinds => [.. Enum.GetValues<SyntheticKind>()];

    [Theory, MemberData(nameof(Kinds))]
    public void A_document_depends_on_its_place_alone_and_every_place_has_another(SyntheticKind kind)
    {
        string Text(SyntheticPart part, ulong seed, ulong index) =>
            SyntheticCorpus.Document(kind, part, seed, index, TextLength.Characters(1500));

        Assert.Equal(Text(SyntheticPart.Train, 1, 2), Text(SyntheticPart.Train, 1, 2));
        string[] texts =
        [
            Text(SyntheticPart.Train, 1, 2), Text(SyntheticPart.Train, 1, 3), Text(SyntheticPart.Train, 2, 2),
            Text(SyntheticPart.HeldOut, 1, 2), Text(SyntheticPart.HeldOut, 1, 3),
        ];
        Assert.Equal(texts.Length, texts.Distinct().Count());
    }

    /// <summary>The corpus of a seed is the same in every release, so that a demo or a pretraining can be repeated.</summary>
    [Theory]
    [InlineData(SyntheticKind.Chronicle, "13d8c97c5a25b267 2b791310e890cb85")]
    [InlineData(SyntheticKind.RepeatedLists, "945e044bb6e603d8 501877194990aad2")]
    [InlineData(SyntheticKind.Passkey, "f0da665d8c7cc52e 3fb6b145d95ade05")]
    public void The_corpus_of_a_seed_stays_what_it_was(SyntheticKind kind, string expected)
    {
        string Hash(SyntheticPart part) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            SyntheticCorpus.Document(kind, part, seed: 1, index: 2, TextLength.Characters(3000)))))[..16];
        Assert.Equal(expected, $"{Hash(SyntheticPart.Train)} {Hash(SyntheticPart.HeldOut)}");
    }

    [Theory]
    [InlineData(SyntheticKind.Chronicle)]
    [InlineData(SyntheticKind.RepeatedLists)]
    public void A_longer_document_begins_like_the_shorter_one(SyntheticKind kind)
    {
        string Text(int length) => SyntheticCorpus.Document(kind, SyntheticPart.Train, 1, 0, TextLength.Characters(length));
        Assert.StartsWith(Text(500), Text(1500), StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Lengths_in_tokens_are_those_of_the_whole_text(SyntheticKind kind)
    {
        for (ulong index = 0; index < 20; index++)
        {
            string text = SyntheticCorpus.Document(kind, SyntheticPart.Train, 1, index, TextLength.Tokens(500, _tokenizer));
            int tokens = _tokenizer.Encode(text).Length;
            if (kind == SyntheticKind.Passkey)
            {
                Assert.InRange(tokens, 500 - 24, 500); // at most one more unit, or sentence, would have fitted
            }
            else
            {
                Assert.InRange(tokens, 500, 500 + 51); // at most one sentence, or list of 24 with commas, too long
            }
        }
    }

    [Fact]
    public void A_thousand_tokens_give_every_word_its_own()
    {
        string[] words =
        [
            .. Words.Names, .. Words.Places, .. Words.Objects, .. Words.Trades, .. Words.Colours,
            .. Words.Topics.SelectMany(topic => topic),
            .. Words.Adjectives, .. Words.Verbs, .. Words.Adverbs, .. Words.Openings,
        ];
        Assert.Equal(1024, _tokenizer.VocabularySize);
        Assert.All(words, word => Assert.Single(_tokenizer.Encode(" " + word)));
    }

    [Fact]
    public void The_passkey_prompt_costs_68_tokens_and_24_per_unit_of_garbage()
    {
        int[] lengths = [.. new[] { 0, 1, 10 }.Select(units => _tokenizer.Encode(PasskeyText.Prompt(48213, units, 0)).Length)];
        Assert.Equal([68, 68 + 24, 68 + 240], lengths);
        // A number always costs its digits and one token for the space in front of it.
        Assert.Equal(1 + 5 + 1, _tokenizer.Encode(PasskeyText.Answer(48213)).Length);
        Assert.Equal(_tokenizer.Encode(" 48213."), _tokenizer.Encode("The code of Tarn is 48213.")[^7..]);
    }

    [Fact]
    public void Words_of_one_kind_are_never_listed_twice()
    {
        Assert.All([Words.Names, Words.Places, Words.Objects, Words.Trades, Words.Colours, Words.Listed], pool =>
            Assert.Equal(pool.Length, pool.Distinct().Count()));
    }
}
