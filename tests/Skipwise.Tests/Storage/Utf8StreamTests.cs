using System.Text;
using CsCheck;
using Skipwise.Storage;

namespace Skipwise.Tests.Storage;

public class Utf8StreamTests
{
    /// <summary>Hands its bytes out in pieces of the given sizes, over and over.</summary>
    private sealed class Pieces(byte[] bytes, int[] sizes) : MemoryStream(bytes)
    {
        private int _turn;

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, sizes[_turn++ % sizes.Length])]);
    }

    private static string Read(byte[] bytes, int[] sizes, bool mayBeTorn = false)
    {
        using StreamReader reader = TextFile.Reader(new Pieces(bytes, sizes), "a.txt", mayBeTorn);
        return reader.ReadToEnd();
    }

    private static readonly string[] s_alphabet = ["a", "\n", "é", "水", "🦙", "\uFEFF"];
    private static readonly Gen<string[]> s_letters = Gen.Int[0, s_alphabet.Length - 1].Select(i => s_alphabet[i]).Array[0, 40];
    private static readonly Gen<int[]> s_sizes = Gen.Int[1, 9].Array[1, 4];

    [Fact]
    public void Text_passes_wherever_its_blocks_are_cut() =>
        Gen.Select(s_letters, s_sizes).Sample((letters, sizes) =>
        {
            string text = "a" + string.Concat(letters);
            Assert.Equal(text, Read(Encoding.UTF8.GetBytes(text), sizes));
        });

    /// <summary>Against .NET's own strict decoder; line and byte against those of the text before.</summary>
    [Fact]
    public void Bytes_that_are_no_text_are_named_with_their_place() =>
        Gen.Select(s_letters, s_letters, Gen.Byte.Array[1, 3], s_sizes).Sample((before, after, bad, sizes) =>
        {
            byte[] head = Encoding.UTF8.GetBytes("ab" + string.Concat(before)), tail = Encoding.UTF8.GetBytes(string.Concat(after));
            byte[] bytes = [.. head, .. bad, .. tail];
            string? expected = null;
            try
            {
                expected = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes);
            }
            catch (DecoderFallbackException)
            {
                string message = Assert.Throws<SkipwiseException>(() => Read(bytes, sizes)).Message;
                int place = FirstWrong(bytes);
                int line = 1 + bytes.Take(place).Count(b => b == '\n');
                Assert.StartsWith($"a.txt: not UTF-8: line {line}, byte {place}: {bytes[place]:X2}", message, StringComparison.Ordinal);
                return;
            }
            Assert.Equal(expected, Read(bytes, sizes));
        });

    [Theory]
    [InlineData(new byte[] { 0xFF, 0xFE, 0x61, 0 }, "byte 0: FF (it begins as UTF-16 does)")]
    [InlineData(new byte[] { 0xFE, 0xFF, 0, 0x61 }, "byte 0: FE (it begins as UTF-16 does)")]
    [InlineData(new byte[] { 0x61, 0, 0x62, 0 }, "it begins with a zero byte, as UTF-16 without a mark does")]
    [InlineData(new byte[] { 0, 0x61, 0, 0x62 }, "it begins with a zero byte, as UTF-16 without a mark does")]
    [InlineData(new byte[] { 0, 0, 0xFE, 0xFF }, "it begins with a zero byte, as UTF-16 without a mark does")]
    [InlineData(new byte[] { 0x61, 0xE6, 0xB0 }, "byte 1: E6B0 (it ends within a character)")]
    public void Other_encodings_and_a_cut_character_are_called_so(byte[] bytes, string complaint)
    {
        Assert.Contains(complaint, Assert.Throws<SkipwiseException>(() => Read(bytes, [100])).Message, StringComparison.Ordinal);
        Assert.Throws<SkipwiseException>(() => Read(bytes, [1]));
    }

    [Fact]
    public void A_mark_is_no_text_and_a_log_may_be_torn()
    {
        Assert.Equal("a", Read([0xEF, 0xBB, 0xBF, 0x61], [2]));
        Assert.StartsWith("a\n", Read([0x61, 0x0A, 0xE6, 0xB0], [1], mayBeTorn: true), StringComparison.Ordinal);
        Assert.Throws<SkipwiseException>(() => Read([0xE6, 0xFF, 0x0A], [1], mayBeTorn: true));
    }

    private static int FirstWrong(byte[] bytes)
    {
        int at = 0;
        while (Rune.DecodeFromUtf8(bytes.AsSpan(at), out _, out int used) == System.Buffers.OperationStatus.Done)
        {
            at += used;
        }
        return at;
    }
}
