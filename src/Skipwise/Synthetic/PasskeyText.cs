using System.Globalization;
using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>
/// The passkey prompt of the PoSE reference code (eval_passkey.py; the task is from Mohtashami and Jaggi 2023): five lines, with a number
/// hidden between two parts of filler text and asked for at the end.
/// </summary>
internal static class PasskeyText
{
    /// <summary>The first line.</summary>
    public const string Introduction =
        "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the " +
        "important information there.";
    /// <summary>The unit of filler text, repeated without a separator.</summary>
    public const string Unit = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
    /// <summary>The last line.</summary>
    public const string FinalQuestion = "What is the pass key? The pass key is";

    /// <summary>The line with the key.</summary>
    public static string KeyLine(int key) => Invariant($"The pass key is {key}. Remember it. {key} is the pass key.");

    /// <summary>The expected continuation of the prompt.</summary>
    public static string Answer(int key) => Invariant($" {key}.");

    /// <summary>Draws a key, uniformly over {1, ..., 50000} as in the reference code: one to five digits.</summary>
    public static int DrawKey(ref KeyedRandom rng) => rng.Between(1, 50000);

    /// <summary>The standard prompt: <paramref name="unitsBefore"/> units of filler text, the key, <paramref name="unitsAfter"/>
    /// units.</summary>
    public static string Prompt(int key, int unitsBefore, int unitsAfter) => Prompt(key, Garbage(unitsBefore), Garbage(unitsAfter));

    /// <summary>The prompt with any filler text.</summary>
    public static string Prompt(int key, string before, string after) =>
        string.Join('\n', Introduction, before, KeyLine(key), after, FinalQuestion);

    /// <summary>
    /// Writes a training document: the prompt and its answer, at most this long, but at least the prompt without filler. Half of the
    /// documents have the standard filler text, half have filler sentences, so that a model learns the task and not one text.
    /// </summary>
    public static string Write(ref KeyedRandom rng, TextLength atMost)
    {
        int key = DrawKey(ref rng);
        int remaining = atMost.Count - atMost.Measure(Prompt(key, 0, 0) + Answer(key));
        (string before, string after) = rng.Chance(0.5) ? StandardGarbage(ref rng, remaining, atMost) : Scenery(ref rng, remaining, atMost);
        return Prompt(key, before, after) + Answer(key);
    }

    private static (string Before, string After) StandardGarbage(ref KeyedRandom rng, int remaining, TextLength atMost)
    {
        int units = Math.Max(remaining, 0) / atMost.Measure(Unit);
        int before = rng.Between(0, units);
        return (Garbage(before), Garbage(units - before));
    }

    private static (string Before, string After) Scenery(ref KeyedRandom rng, int remaining, TextLength atMost)
    {
        string[] topic = FillerSentences.DrawTopic(ref rng);
        var sentences = new List<string>();
        while (true)
        {
            string sentence = FillerSentences.Write(ref rng, topic);
            // It is not known yet which sentence begins a line without a space, so the longer form is counted.
            remaining -= Math.Max(atMost.Measure(sentence), atMost.Measure(" " + sentence));
            if (remaining < 0)
            {
                break;
            }

            sentences.Add(sentence);
        }
        int before = rng.Between(0, sentences.Count);
        return (string.Join(' ', sentences[..before]), string.Join(' ', sentences[before..]));
    }

    /// <summary>The filler text of the Landmark and YaRN evaluations: units separated by a space, cut to this number of
    /// characters.</summary>
    public static string CutGarbage(int characters) =>
        string.Join(' ', Enumerable.Repeat(Unit, 1 + characters / (Unit.Length + 1)))[..characters];

    private static string Garbage(int units) => string.Concat(Enumerable.Repeat(Unit, units));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
