using Skipwise.Evaluation.Tasks;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Evaluation.Tasks;

public class RequestEncoderTests
{
    private static readonly ListTokenizer s_words = new("a", "b", "c", "d", "e");

    private static TaskRequest Encode(ITokenizer tokenizer, string context, string continuation, int window = 100,
        TaskOptions? options = null, string examples = "")
    {
        var document =
            new TaskDocument
            {
                Choices = [new(context, continuation, "")],
                GoldChoices = new HashSet<int> { 0 },
                FewshotText = "",
                Row = ""
            };
        return Assert.Single(new RequestEncoder(tokenizer, options ?? new(), window).Encode(new(0, document, [], examples)));
    }

    [Fact]
    public void Context_and_continuation()
    {
        TaskRequest request = Encode(s_words, "a b", " c d", examples: "e\n\n");
        Assert.Equal([7, 2, 2, 3, 4, 5, 6], request.Tokens);
        Assert.Equal((2, 0, false), (request.ContinuationLength, request.TruncatedTokens, request.IsContinuationCut));
        Assert.Equal([7, 2, 2, 3, 4, 5], request.Tokens[..^1]);
    }

    [Fact]
    public void Blanks_at_the_contexts_end_belong_to_the_continuation()
    {
        var spaces = new CharacterTokenizer();
        TaskRequest request = Encode(spaces, "ab \n", "c");
        Assert.Equal("ab \nc".Select(c => (int)c), request.Tokens);
        Assert.Equal(3, request.ContinuationLength);
    }

    /// <summary>"b" and "c" merge into one token across the seam: the continuation has what the whole has beyond the context's own number
    /// of tokens.</summary>
    [Fact]
    public void The_continuation_is_never_tokenized_alone()
    {
        var merging = new CharacterTokenizer { Merged = "bc" };
        TaskRequest request = Encode(merging, "ab", "cd");
        Assert.Equal(['a', 'b', 'd'], request.Tokens.Select(id => (char)id)); // the harness joins encode("ab") and encode("abcd")[2:]
        Assert.Equal(1, request.ContinuationLength);
        Assert.Equal(0, Encode(merging, "ab", "c").ContinuationLength);
    }

    [Fact]
    public void A_long_text_loses_its_beginning()
    {
        TaskRequest request = Encode(s_words, "a b c d", " e a", window: 3);
        Assert.Equal([5, 6, 7, 3], request.Tokens); // four tokens: three to read, the last only to guess
        Assert.Equal((2, 2, false), (request.TruncatedTokens, request.ContinuationLength, request.IsContinuationCut));
    }

    [Fact]
    public void A_continuation_longer_than_the_window_keeps_its_end()
    {
        TaskRequest request = Encode(s_words, "a", " b c d e", window: 2);
        Assert.Equal([5, 6, 7], request.Tokens);
        Assert.Equal((2, true), (request.ContinuationLength, request.IsContinuationCut));
        // just fits
        Assert.Equal((3, false),
            (Encode(s_words, "a", " b c d", window: 3).ContinuationLength, Encode(s_words, "a", " b c d", window: 3).IsContinuationCut));
    }

    [Theory]
    [InlineData(HarnessVersion.V2023, 1), InlineData(HarnessVersion.V04, 0)]
    public void An_empty_context_is_EOS_or_BOS(HarnessVersion harness, int expected) =>
        Assert.Equal([expected, 3], Encode(s_words, "", "a", options: new() { Harness = harness }).Tokens);

    [Fact]
    public void An_empty_context_takes_what_there_is()
    {
        Assert.Equal([0, 3], Encode(new ListTokenizer("a") { Eos = null }, "", "a").Tokens);
        Assert.Equal([1, 3],
            Encode(new ListTokenizer("a") { Bos = null }, "", "a", options: new() { Harness = HarnessVersion.V04 }).Tokens);
        Assert.Contains("neither a BOS nor an EOS",
            Assert.Throws<SkipwiseException>(() => Encode(new ListTokenizer("a") { Bos = null, Eos = null }, "", "a")).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(BosMode.None, true, false), InlineData(BosMode.Auto, false, false), InlineData(BosMode.Auto, true, true),
        InlineData(BosMode.Always, false, true)]
    public void Bos(BosMode rule, bool tokenizerAdds, bool expected)
    {
        TaskRequest request = Encode(new ListTokenizer("a", "b") { Adds = tokenizerAdds }, "a", " b", options: new() { Bos = rule });
        Assert.Equal(expected ? [0, 3, 4] : [3, 4], request.Tokens);
        Assert.Equal(1, request.ContinuationLength);
    }

    [Fact]
    public void Bos_stands_once_and_may_be_missing()
    {
        Assert.Equal([0, 3, 4], Encode(new ListTokenizer("a", "b"), "<bos> a", " b", options: new() { Bos = BosMode.Always }).Tokens);
        Assert.Contains("TaskOptions.Bos",
            Assert.Throws<SkipwiseException>(() =>
                Encode(new ListTokenizer("a") { Bos = null }, "a", "a", options: new() { Bos = BosMode.Always })).Message,
                StringComparison.Ordinal);
    }

    /// <summary>lm-evaluation-harness looks for "gemma" in model_type from 0.4 on, after all that the user says.</summary>
    [Theory]
    [InlineData(HarnessVersion.V04, "gemma", BosMode.None, BosMode.Always),
        InlineData(HarnessVersion.V04, "gemma3_text", BosMode.Auto, BosMode.Always)]
    [InlineData(HarnessVersion.V04, "llama", BosMode.None, BosMode.None),
        InlineData(HarnessVersion.V2023, "gemma", BosMode.None, BosMode.None)]
    public void The_newer_harness_gives_Gemma_its_bos(HarnessVersion harness, string modelType, BosMode asked, BosMode expected) =>
        Assert.Equal(expected, new TaskOptions { Harness = harness, Bos = asked }.ResolveBos(modelType).Bos);

    private sealed class CharacterTokenizer : ITokenizer
    {
        /// <summary>two characters that are one token, id 1000</summary>
        public string Merged { get; init; } = "\0\0";
        public int VocabularySize => 1001;
        public int? BosId => 0;
        public int? EosId => 0;
        public bool AddsBos => false;
        public int[] Encode(string text) => [.. text.Replace(Merged, "\u03E8", StringComparison.Ordinal).Select(c => (int)c)];
        public string Decode(ReadOnlySpan<int> ids) => "";
    }
}
