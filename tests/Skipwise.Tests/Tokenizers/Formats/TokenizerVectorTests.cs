using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Skipwise.Tokenizers;

namespace Skipwise.Tests.Tokenizers.Formats;

/// <summary>
/// Whole real vocabularies, too large to carry along. SKIPWISE_TEST_DATA names a folder with tokenizers/llama2/tokenizer.model,
/// tokenizers/gpt-neox-20b/tokenizer.json, tokenizers/gpt2/gpt2.tiktoken, llama.cpp's test vectors under tokenizers/vectors,
/// models/golden.json with the models that it names, and text/books/test. Without it these tests are skipped.
/// </summary>
[Trait("Category", "RealData")]
public class TokenizerVectorTests(ITestOutputHelper output)
{
    private static string Data(params string[] parts)
    {
        string? folder = Environment.GetEnvironmentVariable("SKIPWISE_TEST_DATA");
        Assert.SkipWhen(string.IsNullOrEmpty(folder), "SKIPWISE_TEST_DATA is not set: real vocabularies are not part of the project");
        return Path.Combine([folder!, .. parts]);
    }

    private static ITokenizer Load(string name)
    {
        using var folder = new TempFolder();
        if (name == "stories260K")
        {
            folder.Write("tokenizer.model", SentencePieceFile.Make(Llama2CPieces(Data("models", "stories260K", "tok512.bin"))));
            return TokenizerLoader.Load(folder.Path);
        }
        if (name == "gpt2 as tokenizer.json")
        {
            folder.Write("tokenizer.json", Gpt2Json.FromRanks(File.ReadLines(Data("tokenizers", "gpt2", "gpt2.tiktoken"))));
            return TokenizerLoader.Load(folder.Path);
        }
        if (name == "gpt2 as vocab.json and merges.txt")
        {
            var (vocabulary, merges) = Gpt2Json.Pair(File.ReadLines(Data("tokenizers", "gpt2", "gpt2.tiktoken")));
            folder.Write("vocab.json", vocabulary);
            folder.Write("merges.txt", merges);
            return TokenizerLoader.Load(folder.Path);
        }
        return TokenizerLoader.Load(name == "tinystories-656k" ? Data("models", name) : Data("tokenizers", name));
    }

    /// <summary>llama2.c's copy of a SentencePiece vocabulary: the longest length, then score, length and bytes of each piece.</summary>
    private static IEnumerable<(string, float, int)> Llama2CPieces(string path)
    {
        using var reader = new BinaryReader(File.OpenRead(path));
        reader.ReadInt32();
        for (int id = 0; reader.BaseStream.Position < reader.BaseStream.Length; id++)
        {
            float score = reader.ReadSingle();
            string text = Encoding.UTF8.GetString(reader.ReadBytes(reader.ReadInt32())).Replace(' ', '▁');
            yield return id switch
            {
                0 => ("<unk>", 0, SentencePieceFile.Unknown),
                1 => ("<s>", 0, SentencePieceFile.Control),
                2 => ("</s>", 0, SentencePieceFile.Control),
                < 259 => ($"<0x{id - 3:X2}>", 0, SentencePieceFile.Byte),
                _ => (text, score, SentencePieceFile.Normal),
            };
        }
    }

    [Theory]
    [InlineData("llama2", "llama-spm"), InlineData("gpt-neox-20b", "mpt"), InlineData("gpt2", "gpt-2"),
        InlineData("gpt2 as tokenizer.json", "gpt-2"), InlineData("gpt2 as vocab.json and merges.txt", "gpt-2")]
    public void Ids_equal_the_47_vectors_and_decode_back(string name, string vectors)
    {
        string path = Data("tokenizers", "vectors", $"ggml-vocab-{vectors}.gguf");
        string[] texts = File.ReadAllText(path + ".inp").Split("\n__ggml_vocab_test__\n");
        string[] expected = File.ReadAllText(path + ".out").Split('\n')[..47];
        var tokenizer = Load(name);
        Assert.Equal(47, texts.Length);
        Assert.Equal(expected.Select(e => e.Trim()), texts.Select(text => string.Join(' ', tokenizer.Encode(text))));
        bool normalizes = name == "gpt-neox-20b"; // NFC
        Assert.Equal(texts.Select(t => normalizes ? t.Normalize() : t), texts.Select(t => tokenizer.Decode(tokenizer.Encode(t))));
    }

    [Fact]
    public void Ids_equal_those_of_the_golden_runs()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Data("models", "golden.json")));
        int seen = 0;
        foreach (var entry in golden.RootElement.EnumerateArray())
        {
            string name = entry.GetProperty("model").GetString()!;
            if (name is not ("stories260K" or "tinystories-656k"))
            {
                continue; // has no tokenizer of its own
            }
            var tokenizer = Load(name);
            string text = entry.GetProperty("text").GetString()!;
            Assert.True(tokenizer.AddsBos);
            Assert.Equal(entry.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32()),
                [tokenizer.BosId!.Value, .. tokenizer.Encode(text)]);
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
            seen++;
        }
        Assert.Equal(4, seen);
    }

    /// <summary>Books that it has not met: a tokenizer that only remembers its last text would be of no use for a corpus.</summary>
    [Theory]
    [InlineData("llama2"), InlineData("gpt-neox-20b"), InlineData("gpt2"), InlineData("gpt2 as vocab.json and merges.txt"),
        InlineData("tinystories-656k"), InlineData("stories260K")]
    public void A_megabyte_of_new_text_takes_less_than_a_second_of_one_core(string name)
    {
        string[] books = [.. Directory.GetFiles(Data("text", "books", "test"), "*.gz").Order(StringComparer.Ordinal).Take(6)
            .Select(book => new StreamReader(new GZipStream(File.OpenRead(book), CompressionMode.Decompress), Encoding.UTF8).ReadToEnd())];
        var tokenizer = Load(name);
        tokenizer.Encode(books[0][..100_000]); // compiles the code
        double before = CoreSeconds();
        long tokens = books.Skip(1).Sum(book => (long)tokenizer.Encode(book).Length);
        double seconds = CoreSeconds() - before, megabytes = books.Skip(1).Sum(Encoding.UTF8.GetByteCount) / 1e6;
        output.WriteLine($"{name}: {megabytes:F2} MB, {tokens} tokens, {megabytes / seconds:F2} MB/s of one core");
        Assert.InRange(seconds, 0, megabytes);
    }

    [Theory]
    [InlineData("llama2", "x"), InlineData("gpt-neox-20b", "x"), InlineData("gpt2", "x"), InlineData("llama2", "ab-"),
        InlineData("gpt-neox-20b", " "), InlineData("gpt2", "水車")]
    public void A_megabyte_without_a_word_border_is_no_slower(string name, string unit)
    {
        var tokenizer = Load(name);
        string text = string.Concat(Enumerable.Repeat(unit, 1_000_000 / Encoding.UTF8.GetByteCount(unit)));
        tokenizer.Encode(text[..1000]);
        double before = CoreSeconds();
        int[] ids = tokenizer.Encode(text);
        double seconds = CoreSeconds() - before;
        output.WriteLine($"{name}: 1 MB of \"{unit}\", {ids.Length} tokens, {seconds:F2} s of one core");
        Assert.Equal(text, tokenizer.Decode(ids));
        Assert.InRange(seconds, 0, 4);
    }

    /// <summary>Seconds that this thread has computed, where the system tells it; else those that passed.</summary>
    private static double CoreSeconds() => File.Exists("/proc/thread-self/schedstat")
        ? long.Parse(File.ReadAllText("/proc/thread-self/schedstat").Split(' ')[0]) / 1e9
        : Stopwatch.GetTimestamp() / (double)Stopwatch.Frequency;
}
