using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>Writes sentences without facts, around a topic.</summary>
internal static class FillerSentences
{
    private const double OwnTopicShare = 0.85;

    public static string[] DrawTopic(ref KeyedRandom rng) => rng.Pick(Words.Topics);

    /// <summary>Writes one sentence.</summary>
    /// <param name="rng">the source of randomness</param>
    /// <param name="topic">the nouns of the document's topic; some sentences use another topic</param>
    public static string Write(ref KeyedRandom rng, string[] topic)
    {
        string subject = Noun(ref rng, topic), other = Noun(ref rng, topic);
        string adjective = rng.Pick(Words.Adjectives), verb = rng.Pick(Words.Verbs);
        return rng.Below(4) switch
        {
            0 => $"The {adjective} {subject} {verb} the {other}.",
            1 => $"{rng.Pick(Words.Openings)} the {subject} {verb} the {adjective} {other}.",
            2 => $"One day the {subject} was {adjective} and the {other} was {rng.Pick(Words.Adjectives)}.",
            _ => $"Not far from the {other}, the {adjective} {subject} {verb} {rng.Pick(Words.Adverbs)}.",
        };
    }

    private static string Noun(ref KeyedRandom rng, string[] topic) =>
        rng.Pick(rng.Chance(OwnTopicShare) ? topic : DrawTopic(ref rng));
}
