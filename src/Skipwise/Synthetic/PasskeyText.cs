using System.Globalization;
using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>
/// The passkey prompt as the released PoSE code writes it (eval_passkey.py; the task is from Mohtashami and Jaggi 2023):
/// five lines, with a number hidden between two stretches of garbage and asked for at the end.
/// </summary>
public static class PasskeyText
{
    public const string Introduction =
        "There is an important info hidden inside a lot of irrelevant text. Find it and memorize them. I will quiz you about the " +
        "important information there.";
    /// <summary>The garbage; repeated without any separator.</summary>
    public const string Unit = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.";
    public const string FinalQuestion = "What is the pass key? The pass key is";

    public static string KeyLine(int key) => Invariant($"The pass key is {key}. Remember it. {key} is the pass key.");

    /// <summary>What a model should write after the prompt.</summary>
    public static string Answer(int key) => Invariant($" {key}.");

    /// <summary>Uniform over {1, ..., 50000}, as released: one to five digits.</summary>
    public static int DrawKey(ref KeyedRandom rng) => rng.Between(1, 50000);

    /// <summary>The standard prompt: <paramref name="unitsBefore"/> units of garbage, the key, <paramref name="unitsAfter"/>
    /// units.</summary>
    public static string Prompt(int key, int unitsBefore, int unitsAfter) => Prompt(key, Garbage(unitsBefore), Garbage(unitsAfter));

    /// <summary>The prompt around any garbage.</summary>
    public static string Prompt(int key, string before, string after) =>
        string.Join('\n', Introduction, before, KeyLine(key), after, FinalQuestion);

    /// <summary>
    /// A training document: the prompt and its answer, at most as long as wanted, but never without the prompt itself.
    /// Half of them carry the standard garbage, half carry scenery, so that a model learns the task and not one text.
    /// </summary>
    public static string Write(ref KeyedRandom rng, TextLength atMost)
    {
        int key = DrawKey(ref rng);
        int room = atMost.Count - atMost.Measure(Prompt(key, 0, 0) + Answer(key));
        (string before, string after) = rng.Chance(0.5) ? StandardGarbage(ref rng, room, atMost) : Scenery(ref rng, room, atMost);
        return Prompt(key, before, after) + Answer(key);
    }

    private static (string Before, string After) StandardGarbage(ref KeyedRandom rng, int room, TextLength atMost)
    {
        int units = Math.Max(room, 0) / atMost.Measure(Unit);
        int before = rng.Between(0, units);
        return (Garbage(before), Garbage(units - before));
    }

    private static (string Before, string After) Scenery(ref KeyedRandom rng, int room, TextLength atMost)
    {
        string[] topic = FillerSentences.DrawTopic(ref rng);
        var sentences = new List<string>();
        while (true)
        {
            string sentence = FillerSentences.Write(ref rng, topic);
            // Which sentence will open a line, hence lose its space, is not known yet: count the longer form.
            room -= Math.Max(atMost.Measure(sentence), atMost.Measure(" " + sentence));
            if (room < 0)
            {
                break;
            }

            sentences.Add(sentence);
        }
        int before = rng.Between(0, sentences.Count);
        return (string.Join(' ', sentences[..before]), string.Join(' ', sentences[before..]));
    }

    /// <summary>Garbage of the Landmark and YaRN tests: units with a space between them, cut after so many characters wherever that
    /// falls.</summary>
    public static string CutGarbage(int characters) =>
        string.Join(' ', Enumerable.Repeat(Unit, 1 + characters / (Unit.Length + 1)))[..characters];

    private static string Garbage(int units) => string.Concat(Enumerable.Repeat(Unit, units));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
