using Skipwise.Cli;

namespace Skipwise.Tests.Cli;

public class SuggestionTests
{
    private static readonly string[] s_words = ["train", "verify", "--model", "ntk"];

    [Theory]
    [InlineData("trian", "train")]
    [InlineData("--modle", "--model")]
    [InlineData("ntks", "ntk")]
    [InlineData("inspect", null)]
    [InlineData("abc", null)]
    public void The_word_that_was_meant_is_guessed(string typed, string? meant) => Assert.Equal(meant, Suggestion.Find(typed, s_words));
}
