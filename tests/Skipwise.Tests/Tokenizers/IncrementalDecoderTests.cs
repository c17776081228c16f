using System.Text;
using CsCheck;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers;

public class IncrementalDecoderTests
{
    /// <summary>One token per byte, so that most characters are spread over several; ids before 256 are the bytes.</summary>
    private sealed class ByteTokenizer : ITokenizer
    {
        public int VocabularySize => 256;
        public int? BosId => null;
        public int? EosId => null;
        public bool AddsBos => false;
        public int[] Encode(string text) => [.. Encoding.UTF8.GetBytes(text).Select(b => (int)b)];
        public string Decode(ReadOnlySpan<int> ids) => Encoding.UTF8.GetString([.. ids.ToArray().Select(id => (byte)id)]);
    }

    private static readonly ByteTokenizer s_bytes = new();
    private static readonly string[] s_parts = ["a", " b", "é", "語", "🙂"];

    [Fact]
    public void The_pieces_joined_are_the_text() =>
        Gen.Int[0, 4].Select(i => s_parts[i]).Array[0, 12].Sample(parts =>
        {
            string text = string.Concat(parts);
            var decoder = new IncrementalDecoder(s_bytes, s_bytes.Encode("語x"));
            return string.Concat(s_bytes.Encode(text).Select(decoder.Append)) + decoder.Rest() == text;
        });

    [Fact]
    public void A_character_appears_when_its_last_token_has_come()
    {
        var decoder = new IncrementalDecoder(s_bytes, []);
        Assert.Equal(["a", "", "", "", "🙂", "b"], s_bytes.Encode("a🙂b").Select(decoder.Append));
        Assert.Equal("", decoder.Rest());
    }

    /// <summary>A token may end one character and begin the next: GPT-2's " Ã" is a space and the first byte of é.</summary>
    [Fact]
    public void A_character_before_one_that_is_incomplete_waits_with_it()
    {
        var decoder = new IncrementalDecoder(new PairTokenizer(), []);
        Assert.Equal(["x", "", " é", "x"], ((int[])['x', 256, 0xA9, 'x']).Select(decoder.Append));
        Assert.Equal("", decoder.Rest());
    }

    /// <summary>A token per byte, and 256, which is two of them: a space and 0xC3.</summary>
    private sealed class PairTokenizer : ITokenizer
    {
        public int VocabularySize => 257;
        public int? BosId => null;
        public int? EosId => null;
        public bool AddsBos => false;
        public int[] Encode(string text) => throw new NotSupportedException();
        public string Decode(ReadOnlySpan<int> ids) =>
            Encoding.UTF8.GetString([.. ids.ToArray().SelectMany(id => id == 256 ? (byte[])[0x20, 0xC3] : [(byte)id])]);
    }

    [Fact]
    public void What_is_never_completed_comes_last()
    {
        var decoder = new IncrementalDecoder(s_bytes, []);
        Assert.Equal("", decoder.Append(0xE8));
        Assert.Equal("\uFFFD", decoder.Rest());
    }

    /// <summary>A SentencePiece tokenizer drops the space before a text's first word, but not before the words after it.</summary>
    private sealed class SpaceTokenizer : ITokenizer
    {
        public int VocabularySize => 100;
        public int? BosId => null;
        public int? EosId => null;
        public bool AddsBos => false;
        public int[] Encode(string text) => throw new NotSupportedException();
        public string Decode(ReadOnlySpan<int> ids) => string.Join(' ', ids.ToArray());
    }

    [Fact]
    public void The_space_before_a_continuation_is_kept()
    {
        var decoder = new IncrementalDecoder(new SpaceTokenizer(), [7, 8]);
        Assert.Equal(" 9", decoder.Append(9));
        Assert.Equal(" 10", decoder.Append(10));
    }
}
