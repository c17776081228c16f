using Skipwise.Inference;

namespace Skipwise.Serving;

/// <summary>A place of the prompt that an answer was read off.</summary>
/// <param name="Start">its first token</param>
/// <param name="End">the token after its last</param>
/// <param name="Score">the part of the answer that comes from there: the sum of <see cref="TokenSource.Attention"/>, divided by the number
/// of the answer's tokens without punctuation</param>
public readonly record struct Evidence(int Start, int End, double Score)
{
    private const int Gap = 16; // tokens between two sources of one place: about a sentence
    private const int Longest = 128; // tokens of a place: weak sources all over a text would join to one
    private const double Least = 0.1;

    /// <summary>The places of an answer's sources, those that most comes from first. Places of little score are left out: common words
    /// are found anywhere.</summary>
    /// <param name="answer">the sources of each token that counts</param>
    internal static IReadOnlyList<Evidence> Of(IReadOnlyCollection<IReadOnlyList<TokenSource>> answer)
    {
        var places = new List<Evidence>();
        foreach (TokenSource source in answer.SelectMany(sources => sources).OrderBy(source => source.Position))
        {
            double score = source.Attention / (double)answer.Count;
            if (places.Count > 0 && source.Position < places[^1].End + Gap && source.Position < places[^1].Start + Longest)
            {
                places[^1] = places[^1] with { End = source.Position + 1, Score = places[^1].Score + score };
            }
            else
            {
                places.Add(new(source.Position, source.Position + 1, score));
            }
        }
        return [.. places.Where(place => place.Score >= Least).OrderByDescending(place => place.Score)];
    }
}
