using Skipwise.Numerics;
using Skipwise.Synthetic;

namespace Skipwise.Evaluation.Ruler;

/// <summary>niah_*: needles that assign values to keys, hidden in a haystack; all values of some keys are asked for.</summary>
internal sealed class NeedlesInHaystack(NeedlesInHaystackOptions options, Essays essays) : IRulerGenerator
{
    private const string Template =
        "Some special magic {type} are hidden within the following text. Make sure to memorize it. I will quiz you about the {type} " +
        "afterwards.\n{context}\n" +
        "What are all the special magic {type} for {query} mentioned in the provided text?" +
        " The special magic {type} for {query} mentioned in the provided text are";
    private const int DepthSteps = 40;

    private int Needles => Math.Max(options.NumKeys, options.NumQueries) * options.NumValues;

    public int Smallest => options.Haystack == NeedleHaystack.Essays ? 1 : Needles; // every needle is before a line of its own

    public int Largest => 1 << 26;

    public RulerText Write(ref KeyedRandom rng, int sample, int size)
    {
        var keys = new List<string>();
        var values = new List<string[]>();
        while (keys.Count < Math.Max(options.NumKeys, options.NumQueries))
        {
            keys.Add(DrawKey(ref rng, keys));
            var own = new string[options.NumValues];
            for (int i = 0; i < own.Length; i++)
            {
                own[i] = Draw(ref rng, options.Values);
            }
            values.Add(own);
        }
        string[] needles = [.. keys.Zip(values, (key, own) => own.Select(value => Needle(key, value))).SelectMany(needle => needle)];
        rng.Shuffle<string>(needles);
        string context = options.Haystack == NeedleHaystack.Essays
            ? BetweenSentences(ref rng, needles, size)
            : BetweenLines(ref rng, needles, Lines(ref rng, keys, size));

        int[] asked = RulerRandom.Distinct(ref rng, keys.Count, options.NumQueries);
        string[] queries = [.. asked.Select(key => keys[key])];
        string query = queries.Length > 1 ? $"{string.Join(", ", queries[..^1])}, and {queries[^1]}" : queries[0];
        return new(Prompt(context, query), [.. asked.SelectMany(key => values[key])]);
    }

    private string Prompt(string context, string query)
    {
        bool isOne = options.NumQueries * options.NumValues == 1;
        string template = isOne
            ? Template.Replace("Some", "A", StringComparison.Ordinal).Replace("are all", "is", StringComparison.Ordinal)
            .Replace("are", "is", StringComparison.Ordinal)
            : Template;
        return template.Replace("{type}", isOne ? TypeName[..^1] : TypeName, StringComparison.Ordinal)
            .Replace("{query}", query, StringComparison.Ordinal)
            .Replace("{context}", context, StringComparison.Ordinal); // last, because the user's text may contain braces
    }

    private string TypeName => options.Values == NeedleKind.Numbers ? "numbers" : options.Values == NeedleKind.Uuids ? "uuids" : "words";

    private string Needle(string key, string value) => $"One of the special magic {TypeName} for {key} is: {value}.";

    /// <summary>Depths are drawn without replacement from 40 even steps of 0..100 %, and rounded down to a place between two
    /// sentences.</summary>
    private string BetweenSentences(ref KeyedRandom rng, string[] needles, int words)
    {
        List<string> sentences = essays.Sentences(words);
        int[] places = [.. RulerRandom.Distinct(ref rng, DepthSteps, needles.Length)
            .Select(step => (int)(sentences.Count * (Math.Round(100.0 * step / (DepthSteps - 1), MidpointRounding.ToEven) / 100))).Order()];
        for (int i = places.Length - 1; i >= 0; i--)
        {
            sentences.Insert(places[i], needles[i]);
        }
        return string.Join(' ', sentences);
    }

    private static string BetweenLines(ref KeyedRandom rng, string[] needles, List<string> lines)
    {
        int[] places = [.. RulerRandom.Distinct(ref rng, lines.Count, needles.Length).OrderDescending()];
        for (int i = 0; i < places.Length; i++)
        {
            lines.Insert(places[i], needles[i]);
        }
        return string.Join('\n', lines);
    }

    private List<string> Lines(ref KeyedRandom rng, List<string> keys, int count)
    {
        var lines = new List<string>(count + Needles);
        for (int i = 0; i < count; i++)
        {
            lines.Add(options.Haystack == NeedleHaystack.Noise ? PasskeyText.Unit
                : Needle(DrawKey(ref rng, keys), Draw(ref rng, options.Values)));
        }
        return lines;
    }

    /// <summary>A key that is not in use yet, so that a question has one answer.</summary>
    private string DrawKey(ref KeyedRandom rng, List<string> used)
    {
        string key;
        do
        {
            key = Draw(ref rng, options.Keys);
        }
        while (used.Contains(key));
        return key;
    }

    private static string Draw(ref KeyedRandom rng, NeedleKind kind) => kind switch
    {
        NeedleKind.Words => RulerRandom.Word(ref rng),
        NeedleKind.Numbers => RulerRandom.Number(ref rng),
        _ => RulerRandom.Uuid(ref rng),
    };
}
