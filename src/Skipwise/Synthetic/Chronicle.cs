using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>
/// A long document of facts, stated once and recalled later, among sentences of scenery. The age of a recall is log-uniform
/// over the document so far, so every doubling of a model's window brings new answers within its reach:
/// the perplexity of a model that can use its window falls as the window grows.
/// </summary>
public sealed class Chronicle
{
    private const double SceneryShare = 0.2;
    private readonly string[] _topic;
    private readonly List<(Fact Fact, int LastMention)> _facts = [];
    private readonly HashSet<(FactKind, string)> _known = [];
    private int _sentences;

    public Chronicle(ref KeyedRandom rng) => _topic = FillerSentences.DrawTopic(ref rng);

    /// <summary>A document of at least the wanted length: it ends with the sentence that reaches it.</summary>
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

    /// <summary>The next sentence. The first one is scenery: the word that opens a text has no space before it, hence other
    /// tokens.</summary>
    public ChronicleSentence Next(ref KeyedRandom rng)
    {
        // New facts come fast at first; later most sentences recall one.
        double newShare = Math.Max(0.25, 0.8 - 0.07 * _facts.Count);
        double choice = rng.NextDouble();
        ChronicleSentence sentence;
        if (_sentences == 0 || choice < SceneryShare)
        {
            sentence = new(FillerSentences.Write(ref rng, _topic), null, 0);
        }
        else if ((_facts.Count == 0 || choice < SceneryShare + newShare) && TryDrawNew(ref rng) is { } fact)
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
        return null; // almost everything is known by now
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
