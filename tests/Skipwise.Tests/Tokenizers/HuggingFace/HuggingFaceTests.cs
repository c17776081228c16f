#if HUGGING_FACE
using System.IO.Compression;
using System.Text;
using Skipwise.Numerics;
using Skipwise.Tests.Checkpoints.Formats;
using Skipwise.Tests.Tokenizers.Formats;
using Skipwise.Tokenizers;
using Skipwise.Tokenizers.Patterns;

namespace Skipwise.Tests.Tokenizers.HuggingFace;

/// <summary>Skipwise's tokenizers against Hugging Face's own library: the same ids, and the same text again.</summary>
public class HuggingFaceTests(ITestOutputHelper output)
{
    private const int TextsEach = 8;

    /// <summary>SKIPWISE_FUZZ=10000 makes more of them, SKIPWISE_FUZZ_SEED repeats a run that failed.</summary>
    private static int Count => int.TryParse(Environment.GetEnvironmentVariable("SKIPWISE_FUZZ"), out int asked) ? asked : 150;

    private static ulong Seed => Fuzz.Seed;

    [Fact]
    public void Any_tokenizer_gives_the_ids_and_texts_of_Hugging_Faces_library()
    {
        ulong seed = Seed;
        output.WriteLine($"SKIPWISE_FUZZ_SEED={seed}");
        using var folder = new TempFolder();
        var questions = new List<HuggingFaceLibrary.Question>();
        for (int i = 0; i < Count; i++)
        {
            var random = new KeyedRandom(seed, index: (ulong)i);
            string path = folder.Write($"{i}/tokenizer.json", new RandomTokenizer(random).Json);
            random = new KeyedRandom(seed, stream: 1, index: (ulong)i);
            questions.Add(new(path, [.. Enumerable.Range(0, TextsEach).Select(_ => RandomTokenizer.Text(ref random))]));
        }
        var (compared, refused) = Compare(questions, seed);
        output.WriteLine($"{compared} compared, {refused} refused");
        Assert.InRange(compared, Count * TextsEach / 2, Count * TextsEach); // far more than half, by any seed
    }

    /// <summary>Whole published vocabularies, on texts by chance and real ones, from the folder that SKIPWISE_TEST_DATA names.</summary>
    [Fact]
    [Trait("Category", "RealData")]
    public void Published_tokenizers_give_the_ids_and_texts_of_Hugging_Faces_library()
    {
        string data = Environment.GetEnvironmentVariable("SKIPWISE_TEST_DATA") ?? "";
        Assert.SkipWhen(data.Length == 0, "SKIPWISE_TEST_DATA is not set: real vocabularies are not part of the project");
        ulong seed = Seed;
        output.WriteLine($"SKIPWISE_FUZZ_SEED={seed}");
        using var folder = new TempFolder();
        var ranks = File.ReadLines(Path.Combine(data, "tokenizers", "gpt2", "gpt2.tiktoken"));
        string gpt2 = folder.Write("tokenizer.json", Gpt2Json.FromRanks(ranks));
        var random = new KeyedRandom(seed);
        string[] texts =
        [
            .. File.ReadAllText(Path.Combine(data, "tokenizers", "vectors", "ggml-vocab-gpt-2.gguf.inp")).Split("\n__ggml_vocab_test__\n"),
            .. Directory.GetFiles(Path.Combine(data, "text", "books", "test"), "*.gz").Order(StringComparer.Ordinal).Take(2)
                .Select(Unpacked),
            .. Enumerable.Range(0, 2000).Select(_ => RandomTokenizer.Text(ref random)),
        ];
        string[] files = [.. Directory.GetFiles(data, "tokenizer.json", SearchOption.AllDirectories), gpt2];
        var (compared, refused) = Compare([.. files.Select(file => new HuggingFaceLibrary.Question(file, texts))], seed);
        output.WriteLine($"{compared} texts compared, with {string.Join(", ", files)}");
        Assert.Equal((files.Length * texts.Length, 0), (compared, refused));
    }

    /// <summary>What \p{...} means, at both sides of every end of a range and at each fourth letter.</summary>
    [Fact]
    public void Scripts_are_those_of_Hugging_Faces_library()
    {
        using var folder = new TempFolder();
        CodePoints[] sets = [.. UnicodeTables.Scripts.Select(script => CodePoints.Parse(script.Ranges))];
        IEnumerable<int> ends = sets.SelectMany(set => set.Ranges).SelectMany(range => (int[])[range.First - 1, range.First, range.Last,
            range.Last + 1]);
        string text = string.Concat(ends.Concat(Enumerable.Range(0, 0x20000 / 4).Select(i => 4 * i)).Distinct().Where(Rune.IsValid)
            .Select(letter => new Rune(letter)));
        List<HuggingFaceLibrary.Question> questions =
            [.. UnicodeTables.Scripts.Select(script => new HuggingFaceLibrary.Question(Marking(folder, script.Name), [text]))];
        Assert.Equal((questions.Count, 0), Compare(questions, 0));
    }

    /// <summary>A tokenizer with an id for the letters of a set and one for all others.</summary>
    private static string Marking(TempFolder folder, string set) => folder.Write($"{set}/tokenizer.json", $$$"""
        {"normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Replace", "pattern": {"Regex": "\\p{{{{set}}}}"}, "content": "\u0001"},
            {"type": "Replace", "pattern": {"Regex": "[^\u0001]"}, "content": "b"}]},
         "model": {"type": "BPE", "vocab": {"\u0001": 0, "b": 1}, "merges": []}, "decoder": {"type": "Fuse"}}
        """);

    private static string Unpacked(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <returns>texts with the same ids and the same text again, and tokenizers that Skipwise refuses</returns>
    private (int Compared, int Refused) Compare(List<HuggingFaceLibrary.Question> questions, ulong seed)
    {
        int compared = 0, refused = 0;
        var differences = new List<string>();
        foreach (var (question, answers) in questions.Zip(HuggingFaceLibrary.Ask(questions)))
        {
            try
            {
                var tokenizer = TokenizerLoader.Load(Path.GetDirectoryName(question.Path)!);
                foreach (var (text, answer) in question.Texts.Zip(answers)) // none where it stopped
                {
                    if (Difference(tokenizer, text, answer) is { } difference)
                    {
                        differences.Add($"{question.Path}: {difference}");
                    }
                    compared++;
                }
            }
            catch (SkipwiseException e)
            {
                output.WriteLine($"refused: {e.Message}");
                refused++;
            }
        }
        foreach (string difference in differences.Take(20))
        {
            string path = difference[..difference.IndexOf(": ", StringComparison.Ordinal)];
            output.WriteLine($"{difference}\n    {File.ReadAllText(path)}");
        }
        Assert.True(differences.Count == 0, $"SKIPWISE_FUZZ_SEED={seed}: {string.Join('\n', differences.Take(5))}");
        return (compared, refused);
    }

    /// <summary>Text of bytes that are no UTF-8 is left out: how many U+FFFD they become is a matter of taste.</summary>
    private static string? Difference(ITokenizer tokenizer, string text, HuggingFaceLibrary.Answer answer)
    {
        if (answer.Error is not null)
        {
            return $"Hugging Face's library refuses it: {answer.Error}";
        }
        int[] ids = tokenizer.Encode(text), whole = tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. ids] : ids;
        return !whole.SequenceEqual(answer.Ids) ? $"\"{text}\" is {string.Join(' ', whole)}, not {string.Join(' ', answer.Ids)}"
            : !answer.Decoded.Contains('\uFFFD') && tokenizer.Decode(ids) is var decoded && decoded != answer.Decoded
                ? $"{string.Join(' ', ids)} is \"{decoded}\", not \"{answer.Decoded}\""
            : null;
    }
}
#endif
