using System.Text.RegularExpressions;
using Skipwise.Numerics;
using Skipwise.Synthetic;

namespace Skipwise.Tests.Synthetic;

public sealed class ChronicleTests
{
    // What a reader makes of the text, written down apart from the generator: the kind of fact, its key and its value.
    private static readonly (string Kind, string Pattern)[] s_sentences =
    [
        ("home", @"^(?<key>[A-Z]\w+) lives in (?<value>[A-Z]\w+)\.$"),
        ("home", @"^Recall that (?<key>[A-Z]\w+) still lives in (?<value>[A-Z]\w+)\.$"),
        ("home", @"^Where does (?<key>[A-Z]\w+) live\? In (?<value>[A-Z]\w+)\.$"),
        ("trade", @"^(?<key>[A-Z]\w+) works as a (?<value>\w+)\.$"),
        ("trade", @"^Recall that (?<key>[A-Z]\w+) still works as a (?<value>\w+)\.$"),
        ("trade", @"^What is the trade of (?<key>[A-Z]\w+)\? A (?<value>\w+)\.$"),
        ("owner", @"^The (?<key>\w+) belongs to (?<value>[A-Z]\w+)\.$"),
        ("owner", @"^Recall that the (?<key>\w+) still belongs to (?<value>[A-Z]\w+)\.$"),
        ("owner", @"^Who owns the (?<key>\w+)\? (?<value>[A-Z]\w+)\.$"),
        ("colour", @"^The (?<key>\w+) is painted (?<value>\w+)\.$"),
        ("colour", @"^Recall that the (?<key>\w+) is still painted (?<value>\w+)\.$"),
        ("colour", @"^What colour is the (?<key>\w+)\? It is (?<value>\w+)\.$"),
        ("code", @"^The code of (?<key>[A-Z]\w+) is (?<value>[0-9]{5})\.$"),
        ("code", @"^Recall that the code of (?<key>[A-Z]\w+) is still (?<value>[0-9]{5})\.$"),
        ("code", @"^What is the code of (?<key>[A-Z]\w+)\? It is (?<value>[0-9]{5})\.$"),
        ("load", @"^(?<key>[A-Z]\w+) carries (?<value>a \w+, a \w+ and a \w+)\.$"),
        ("load", @"^Recall that (?<key>[A-Z]\w+) still carries (?<value>a \w+, a \w+ and a \w+)\.$"),
        ("load", @"^What does (?<key>[A-Z]\w+) carry\? It is (?<value>a \w+, a \w+ and a \w+)\.$"),
    ];

    private static readonly string[] s_scenery =
    [
        @"^The \w+ \w+ \w+ the \w+\.$", @"^[A-Z]\w+ the \w+ \w+ the \w+ \w+\.$",
        @"^One day the \w+ was \w+ and the \w+ was \w+\.$", @"^Not far from the \w+, the \w+ \w+ \w+ \w+\.$",
    ];

    [Fact]
    public void Every_recall_agrees_with_the_first_mention_and_every_sentence_can_be_read_back()
    {
        var wordings = new HashSet<string>();
        for (ulong index = 0; index < 40; index++)
        {
            string text = SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.Train, 7, index, TextLength.Characters(6000));
            var known = new Dictionary<(string, string), string>();
            // A question stays with its answer: split behind a full stop only.
            foreach (string sentence in Regex.Split(text, @"(?<=\.) "))
            {
                var readings = s_sentences.Select(s => (s.Kind, s.Pattern, Match: Regex.Match(sentence, s.Pattern)))
                    .Where(r => r.Match.Success).ToList();
                if (readings.Count == 0)
                {
                    Assert.True(s_scenery.Any(pattern => Regex.IsMatch(sentence, pattern)), $"cannot read: {sentence}");
                    continue;
                }
                (string kind, string pattern, Match match) = Assert.Single(readings);
                wordings.Add(pattern);
                (string, string) key = (kind, match.Groups["key"].Value);
                bool isStatement = !sentence.StartsWith("Recall", StringComparison.Ordinal) && !sentence.Contains('?');
                if (isStatement)
                {
                    Assert.True(known.TryAdd(key, match.Groups["value"].Value), $"stated twice: {sentence}");
                }
                else
                {
                    Assert.Equal(known[key], match.Groups["value"].Value);
                }
            }
        }
        Assert.Equal(s_sentences.Length, wordings.Count);
    }

    [Fact]
    public void Recalls_name_their_age_truly_and_ages_are_spread_evenly_over_the_doublings()
    {
        var perDoubling = new int[8]; // [1, 2), [2, 4), ..., [128, 256) sentences
        int recalls = 0;
        for (ulong index = 0; index < 60; index++)
        {
            var rng = new KeyedRandom(3, 0, index);
            var chronicle = new Chronicle(ref rng);
            var lastMention = new Dictionary<(FactKind, string), int>();
            for (int s = 0; s < 256; s++)
            {
                ChronicleSentence sentence = chronicle.Next(ref rng);
                if (sentence.Fact is not { } fact)
                {
                    continue;
                }
                if (sentence.IsRecall)
                {
                    Assert.Equal(s - lastMention[(fact.Kind, fact.Key)], sentence.Age);
                    if (s >= 128)
                    {
                        recalls++;
                        perDoubling[(int)Math.Log2(sentence.Age)]++;
                    }
                }
                lastMention[(fact.Kind, fact.Key)] = s;
            }
        }
        // Late recalls could be up to 128..256 sentences old: about 7.5 doublings share them evenly. The ends differ a little:
        // the youngest sentence is often scenery, and the oldest facts run out.
        Assert.InRange(recalls, 3000, 6000);
        Assert.All(perDoubling[..7], count => Assert.InRange((double)count / recalls, 0.07, 0.22));
        Assert.InRange((double)perDoubling[7] / recalls, 0.01, 0.1);
    }

    [Fact]
    public void The_text_is_natural_English()
    {
        string text = SyntheticCorpus.Document(SyntheticKind.Chronicle, SyntheticPart.HeldOut, 1, 0, TextLength.Characters(60000));
        Assert.DoesNotMatch(@"\b[Aa] [aeiou]", text);                // the article fits
        Assert.DoesNotMatch(@"  |\n| [.,?]", text);                  // usual spacing
        Assert.DoesNotMatch(@"(^|[.?] )[a-z]", text);                // sentences begin with a capital letter
        Assert.EndsWith(".", text, StringComparison.Ordinal);
        Assert.InRange(text.Length, 60000, 60200);
    }
}
