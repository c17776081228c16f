using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Skipwise.Text;

namespace Skipwise.Tests.Text;

/// <summary>
/// Whole real vocabularies, too large to carry along. SKIPWISE_TEST_DATA names a folder with tokenizers/llama2/tokenizer.model,
/// tokenizers/gpt-neox-20b/tokenizer.json, tokenizers/gpt2/gpt2.tiktoken, llama.cpp's test vectors under tokenizers/vectors, and
/// models/golden.json with the models that it names. Without it these tests are skipped.
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
        if (name == "gpt2")
        {
            using var folder = new TemporaryFolder();
            folder.Write("tokenizer.json", Gpt2Json.FromRanks(File.ReadLines(Data("tokenizers", "gpt2", "gpt2.tiktoken"))));
            return Tokenizers.Load(folder.Path);
        }
        return Tokenizers.Load(Data("tokenizers", name));
    }

    [Theory]
    [InlineData("llama2", "llama-spm", false)]
    [InlineData("gpt-neox-20b", "mpt", true)]
    [InlineData("gpt2", "gpt-2", true)]
    public void Ids_equal_the_47_vectors(string tokenizerName, string vectors, bool lossless)
    {
        string path = Data("tokenizers", "vectors", $"ggml-vocab-{vectors}.gguf");
        string[] texts = File.ReadAllText(path + ".inp").Split("\n__ggml_vocab_test__\n");
        string[] expected = File.ReadAllText(path + ".out").Split('\n')[..47];
        var tokenizer = Load(tokenizerName);
        Assert.Equal(47, texts.Length);
        Assert.Equal(expected.Select(e => e.Trim()), texts.Select(text => string.Join(' ', tokenizer.Encode(text))));
        // SentencePiece is lossless here too: its dummy prefix is taken away again.
        Assert.True(lossless || tokenizerName == "llama2");
        Assert.Equal(texts.Select(t => tokenizerName == "gpt-neox-20b" ? t.Normalize() : t), texts.Select(t => tokenizer.Decode(tokenizer.Encode(t))));
    }

    [Fact]
    public void Ids_equal_those_of_the_golden_runs()
    {
        using var golden = JsonDocument.Parse(File.ReadAllText(Data("models", "golden.json")));
        int seen = 0;
        foreach (var entry in golden.RootElement.EnumerateArray())
        {
            string? folder = entry.GetProperty("model").GetString() switch
            {
                "stories260K" => "stories260K-hf",
                "tinystories-656k" or "TinyStories-656K" => "tinystories-656k",
                _ => null,
            };
            if (folder is null)
            {
                continue;
            }
            var tokenizer = Tokenizers.Load(Data("models", folder));
            string text = entry.GetProperty("text").GetString()!;
            Assert.True(tokenizer.AddsBos);
            Assert.Equal(entry.GetProperty("token_ids").EnumerateArray().Select(id => id.GetInt32()), [tokenizer.BosId!.Value, .. tokenizer.Encode(text)]);
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
            seen++;
        }
        Assert.True(seen >= 2, $"golden.json names {seen} models that have a tokenizer");
    }

    [Theory]
    [InlineData("llama2"), InlineData("gpt-neox-20b"), InlineData("gpt2"), InlineData("../models/tinystories-656k"), InlineData("../models/stories260K-hf")]
    public void A_book_takes_less_than_a_second_a_megabyte(string name)
    {
        string book = Directory.GetFiles(Data("text", "books", "test"), "*.gz").Order(StringComparer.Ordinal).First();
        using var reader = new StreamReader(new GZipStream(File.OpenRead(book), CompressionMode.Decompress), Encoding.UTF8);
        string text = reader.ReadToEnd();
        var tokenizer = Load(name);
        var watch = Stopwatch.StartNew();
        int[] ids = tokenizer.Encode(text);
        double first = watch.Elapsed.TotalSeconds;
        watch.Restart();
        tokenizer.Encode(text);
        double again = watch.Elapsed.TotalSeconds;
        double megabytes = Encoding.UTF8.GetByteCount(text) / 1e6;
        output.WriteLine($"{name}: {megabytes:F2} MB, {ids.Length} tokens, cold {megabytes / first:F2} MB/s, warm {megabytes / again:F2} MB/s");
        Assert.InRange(again, 0, megabytes);
    }
}
