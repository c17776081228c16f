using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>fwe: coded words whose frequencies fall with the square of their rank; the most frequent word is shown as dots and not asked
/// for.</summary>
/// <param name="length">tokens of prompt and answer; the vocabulary has a fiftieth of it</param>
internal sealed class FrequentWordsExtraction(int length) : IRulerGenerator
{
    private const int Letters = 6, TokensPerWord = 50, Asked = 3;
    private const double Alpha = 2, Zeta = Math.PI * Math.PI / 6; // zeta(2)

    private readonly int _vocabulary = Math.Max(length / TokensPerWord, Asked + 2);

    public int Smallest => 64; // so that the frequencies of ranks 2 to 5 differ

    public int Largest => 1 << 26;

    public RulerText Write(ref KeyedRandom rng, int sample, int size)
    {
        var words = new List<string> { "..." };
        var known = new HashSet<string>();
        while (words.Count < _vocabulary)
        {
            string word = RulerRandom.Letters(ref rng, 'a', Letters);
            if (known.Add(word))
            {
                words.Add(word);
            }
        }
        string[] text = [.. words.SelectMany((word, i) => Enumerable.Repeat(word, Count(size, rank: i + 1)))];
        rng.Shuffle<string>(text);
        return new(
            $"Read the following coded text and track the frequency of each coded word. Find the three most frequently appeared coded " +
            $"words. {string.Join(' ', text)}\n" +
            "Question: Do not provide any explanation. Please ignore the dots '....'. What are the three most frequently appeared words " +
            "in the above coded text?" +
            " Answer: According to the coded text above, the three most frequently appeared words are:", words[1..(Asked + 1)]);
    }

    /// <summary>How often the word of a rank appears among <paramref name="size"/> draws of a zeta distribution.</summary>
    internal static int Count(int size, int rank) => (int)(size * Math.Pow(rank, -Alpha) / Zeta);
}
