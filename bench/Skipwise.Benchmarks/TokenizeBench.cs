#if HUGGING_FACE
using System.Text;
using System.Text.Json;
using Skipwise.Tokenizers;

namespace Skipwise.Benchmarks;

/// <summary>Our reading of a tokenizer.json beside Hugging Face's library, on one core: the same texts, and the same ids or an
/// error.</summary>
internal static class TokenizeBench
{
    private const int Pairs = 5;

    /// <summary>What was measured.</summary>
    /// <param name="Ours">MB of UTF-8 per CPU second, the median of the pairs</param>
    /// <param name="HuggingFace">the same</param>
    /// <param name="Ratio">median of the pairs' ratios: above 1 ours is faster</param>
    /// <param name="First">MB per CPU second of ours the first time, compiling included</param>
    private sealed record Result(
        string Tokenizer, string Text, double Megabytes, double First, double Ours, double HuggingFace, double Ratio);

    /// <summary>Measures a tokenizer with some texts.</summary>
    /// <param name="tokenizerJson">the file</param>
    /// <param name="texts">files</param>
    public static void Run(string tokenizerJson, IReadOnlyList<string> texts)
    {
        ITokenizer ours = TokenizerLoader.Load(tokenizerJson);
        var theirs = new global::Tokenizers.DotNet.Tokenizer(vocabPath: tokenizerJson);
        foreach (string path in texts)
        {
            string text = File.ReadAllText(path);
            double megabytes = Encoding.UTF8.GetByteCount(text) / 1e6;
            int[] ids = [];
            uint[] expected = [];
            double first = megabytes / StepUsage.Of(() => ids = ours.Encode(text)).CpuSeconds;
            theirs.Encode(text); // its caches are warm, too
            (double Ours, double Theirs)[] pairs =
            [
                .. Enumerable.Range(0, Pairs).Select(_ => (StepUsage.Of(() => ids = ours.Encode(text)).CpuSeconds,
                    StepUsage.Of(() => expected = theirs.Encode(text)).CpuSeconds)),
            ];
            if (!ids.SequenceEqual(expected.Select(id => (int)id)))
            {
                throw new InvalidOperationException($"{path}: the ids differ from Hugging Face's.");
            }
            Console.WriteLine(JsonSerializer.Serialize(new Result(tokenizerJson, Path.GetFileName(path), megabytes, first,
                megabytes / Median(pairs.Select(pair => pair.Ours)), megabytes / Median(pairs.Select(pair => pair.Theirs)),
                Median(pairs.Select(pair => pair.Theirs / pair.Ours))), BenchResult.Json));
        }
    }

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Pairs / 2);
}
#endif
