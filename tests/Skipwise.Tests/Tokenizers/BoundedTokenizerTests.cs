using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers;

/// <summary>A model with fewer rows than its tokenizer has ids.</summary>
public class BoundedTokenizerTests
{
    /// <summary>Ids are those below the number of rows: the first beyond it is that number itself.</summary>
    [Theory]
    [InlineData(6, false), InlineData(5, true), InlineData(4, true)]
    public void A_BOS_without_a_row_is_refused(int rows, bool isRefused)
    {
        var tokenizer = new Letters { BosId = 5, AddsBos = true };
        Exception? error = Record.Exception(() => BoundedTokenizer.Create(tokenizer, rows));
        Assert.Equal(isRefused, error is SkipwiseException);
        Assert.True(!isRefused || error!.Message.Contains($"BOS (id 5) before every text, but the model's vocabulary has {rows} ids"));
        Assert.IsType<BoundedTokenizer>(BoundedTokenizer.Create(new Letters { BosId = 5 }, rows)); // nothing puts it anywhere
    }

    [Theory]
    [InlineData("abc", 3, true), InlineData("abd", 3, false), InlineData("", 3, true)]
    public void Text_with_an_id_beyond_the_rows_is_refused(string text, int rows, bool isTaken)
    {
        ITokenizer bounded = BoundedTokenizer.Create(new Letters(), rows);
        if (isTaken)
        {
            Assert.Equal(text.Select(letter => letter - 'a'), bounded.Encode(text));
            return;
        }
        Assert.StartsWith($"Token 2 of a text that begins with '{text}' has id 3, but the model's vocabulary has 3 ids",
            Assert.Throws<SkipwiseException>(() => bounded.Encode(text)).Message);
    }

    [Fact]
    public void One_that_fits_stays_what_it_is()
    {
        var tokenizer = new Letters { BosId = 5, AddsBos = true };
        Assert.Same(tokenizer, BoundedTokenizer.Create(tokenizer, tokenizer.VocabularySize));
    }

    /// <summary>A letter is its place in the alphabet.</summary>
    private sealed class Letters : ITokenizer
    {
        public int VocabularySize => 8;
        public int? BosId { get; init; }
        public int? EosId => null;
        public bool AddsBos { get; init; }
        public int[] Encode(string text) => [.. text.Select(letter => letter - 'a')];
        public string Decode(ReadOnlySpan<int> ids) => string.Concat(ids.ToArray().Select(id => (char)('a' + id)));
    }
}
