using System.Globalization;
using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>The type of a fact.</summary>
internal enum FactKind
{
    /// <summary>where a person lives</summary>
    Home,
    /// <summary>a person's trade</summary>
    Trade,
    /// <summary>the owner of an object</summary>
    Owner,
    /// <summary>the colour of an object</summary>
    Colour,
    /// <summary>the five digits of a place</summary>
    Code,
    /// <summary>the three objects that a person carries</summary>
    Load,
}

/// <summary>A fact that a chronicle states once and recalls later, always with the same words for key and value.</summary>
/// <param name="Kind">the type of fact</param>
/// <param name="Key">its subject, unique per kind and document</param>
/// <param name="Value">the answer, literally in every sentence about it</param>
internal sealed record Fact(FactKind Kind, string Key, string Value)
{
    private const int CodeDigits = 5;
    private static readonly int s_kindCount = Enum.GetValues<FactKind>().Length;

    /// <summary>The sentence of the first mention.</summary>
    public string Statement => Kind switch
    {
        FactKind.Home => $"{Key} lives in {Value}.",
        FactKind.Trade => $"{Key} works as a {Value}.",
        FactKind.Owner => $"The {Key} belongs to {Value}.",
        FactKind.Colour => $"The {Key} is painted {Value}.",
        FactKind.Code => $"The code of {Key} is {Value}.",
        _ => $"{Key} carries {Value}.",
    };

    /// <summary>The sentence of a later mention as a statement.</summary>
    public string Reminder => Kind switch
    {
        FactKind.Home => $"Recall that {Key} still lives in {Value}.",
        FactKind.Trade => $"Recall that {Key} still works as a {Value}.",
        FactKind.Owner => $"Recall that the {Key} still belongs to {Value}.",
        FactKind.Colour => $"Recall that the {Key} is still painted {Value}.",
        FactKind.Code => $"Recall that the code of {Key} is still {Value}.",
        _ => $"Recall that {Key} still carries {Value}.",
    };

    /// <summary>The sentence of a later mention as a question with its answer.</summary>
    public string Question => Kind switch
    {
        FactKind.Home => $"Where does {Key} live? In {Value}.",
        FactKind.Trade => $"What is the trade of {Key}? A {Value}.",
        FactKind.Owner => $"Who owns the {Key}? {Value}.",
        FactKind.Colour => $"What colour is the {Key}? It is {Value}.",
        FactKind.Code => $"What is the code of {Key}? It is {Value}.",
        _ => $"What does {Key} carry? It is {Value}.",
    };

    internal static Fact Draw(ref KeyedRandom rng)
    {
        var kind = (FactKind)rng.Below(s_kindCount);
        string key = rng.Pick(kind switch
        {
            FactKind.Owner or FactKind.Colour => Words.Objects,
            FactKind.Code => Words.Places,
            _ => Words.Names,
        });
        string value = kind switch
        {
            FactKind.Home => rng.Pick(Words.Places),
            FactKind.Trade => rng.Pick(Words.Trades),
            FactKind.Owner => rng.Pick(Words.Names),
            FactKind.Colour => rng.Pick(Words.Colours),
            FactKind.Code => Code(ref rng),
            _ => Load(ref rng),
        };
        return new Fact(kind, key, value);
    }

    private static string Code(ref KeyedRandom rng) =>
        rng.Below((long)Math.Pow(10, CodeDigits)).ToString($"D{CodeDigits}", CultureInfo.InvariantCulture);

    private static string Load(ref KeyedRandom rng)
    {
        string[] things = RandomDraws.Distinct(ref rng, Words.Objects, 3);
        return $"a {things[0]}, a {things[1]} and a {things[2]}";
    }
}
