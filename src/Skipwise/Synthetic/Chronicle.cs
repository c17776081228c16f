using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>
/// A long document of facts, stated once and recalled later, among filler sentences. The age of a recall is log-uniform over the document
/// so far, so every doubling of a model's window makes new answers predictable: the perplexity of a model that uses its window falls with
/// the window.
/// </summary>
internal sealed class Chronicle
{
    private const double SceneryShare = 0.2;
    private readonly string[] _topic;
    private readonly List<(Fact Fact, int LastMention)> _facts = [];
    private readonly HashSet<(FactKind, string)> _known = [];
    private int _sentences;

    /// <summary>Starts a document and draws its topic.</summary>
    public Chronicle(ref KeyedRandom rng) => _topic = FillerSentences.DrawTopic(ref rng);

    /// <summary>Writes a document of at least this length, which ends with the sentence that reaches it.</summary>
    public static string Write(ref KeyedRandom rng, TextLength length)
    {
        var chronicle = new Chronicle(ref rng);
        var text = new MeasuredText(length);
        do
        {
            text.Add(chronicle.Next(ref rng).Text);
        }
        while (!text.IsLongEnough);
        return text.ToString();
    }

    /// <summary>Writes the next sentence. The first one is filler, because the first word of a text has no space before it and therefore
    /// other tokens.</summary>
    public ChronicleSentence Next(ref KeyedRandom rng)
    {
        // New facts are frequent at first; later most sentences recall one.
        double newFraction = Math.Max(0.25, 0.8 - 0.07 * _facts.Count);
        double choice = rng.NextDouble();
        ChronicleSentence sentence;
        if (_sentences == 0 || choice < SceneryShare)
        {
            sentence = new(FillerSentences.Write(ref rng, _topic), null, 0);
        }
        else if ((_facts.Count == 0 || choice < SceneryShare + newFraction) && TryDrawNew(ref rng) is { } fact)
        {
            sentence = State(fact);
        }
        else
        {
            sentence = Recall(ref rng);
        }

        _sentences++;
        return sentence;
    }

    private Fact? TryDrawNew(ref KeyedRandom rng)
    {
        for (int attempt = 0; attempt < 20; attempt++)
        {
            Fact fact = Fact.Draw(ref rng);
            if (_known.Add((fact.Kind, fact.Key)))
            {
                return fact;
            }
        }
        return null; // almost everything has been stated
    }

    private ChronicleSentence State(Fact fact)
    {
        _facts.Add((fact, _sentences));
        return new(fact.Statement, fact, 0);
    }

    private ChronicleSentence Recall(ref KeyedRandom rng)
    {
        double wantedAge = Math.Exp(rng.NextDouble() * Math.Log(_sentences + 1));
        int chosen = 0;
        for (int i = 1; i < _facts.Count; i++)
        {
            if (Distance(i) < Distance(chosen))
            {
                chosen = i;
            }
        }
        (Fact fact, int lastMention) = _facts[chosen];
        _facts[chosen] = (fact, _sentences);
        return new(rng.Chance(0.5) ? fact.Question : fact.Reminder, fact, _sentences - lastMention);

        double Distance(int i) => Math.Abs(_sentences - _facts[i].LastMention - wantedAge);
    }
}
