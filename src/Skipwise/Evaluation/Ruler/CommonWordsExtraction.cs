using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>cwe: a numbered list of words, ten of which appear more often than the others. One worked example precedes it.</summary>
internal sealed class CommonWordsExtraction : IRulerGenerator
{
    public const int NewTokens = 120;
    private const int Common = 10, ShortLength = 4096;

    /// <summary>The number of words in a list, and how often the common ones and the others appear.</summary>
    private (int Words, int Often, int Seldom) _example = (40, 10, 3);
    private (int Often, int Seldom) _repeats = (30, 3);

    /// <param name="length">tokens of prompt and answer; below 4,096 words are repeated less</param>
    /// <param name="count">tokens of a text; with many tokens per word, words are repeated less at greater lengths too if the full list
    /// does not fit</param>
    public CommonWordsExtraction(int length, Func<string, int> count)
    {
        var rng = new KeyedRandom(0);
        if (length < ShortLength || count(Write(ref rng, 0, Smallest).Prompt) > 0.9 * (length - NewTokens))
        {
            (_example, _repeats) = ((20, 3, 1), (6, 1));
        }
    }

    public int Smallest => Common + 1;

    public int Largest => RulerWords.Listed.Count;

    public RulerText Write(ref KeyedRandom rng, int sample, int size)
    {
        (string Question, string[] Answer) example = List(ref rng, _example.Words, _example.Often, _example.Seldom);
        (string Question, string[] Answer) problem = List(ref rng, size, _repeats.Often, _repeats.Seldom);
        return new($"{example.Question}{Numbered(example.Answer)}\n{problem.Question}", problem.Answer);
    }

    private static (string Question, string[] Answer) List(ref KeyedRandom rng, int words, int often, int seldom)
    {
        string[] drawn = [.. RulerRandom.Distinct(ref rng, RulerWords.Listed.Count, words).Select(word => RulerWords.Listed[word])];
        string[] list = [.. drawn.SelectMany((word, i) => Enumerable.Repeat(word, i < Common ? often : seldom))];
        rng.Shuffle<string>(list);
        return (
            "Below is a numbered list of words. In these words, some appear more often than others. Memorize the ones that appear most " +
            "often.\n" +
            $"{Numbered(list)}\nQuestion: What are the 10 most common words in the above list?" +
            " Answer: The top 10 words that appear most often in the list are:", drawn[..Common]);
    }

    private static string Numbered(string[] words) => string.Join(' ', words.Select((word, i) => $"{i + 1}. {word}"));
}
