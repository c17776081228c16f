using System.Globalization;
using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>The random draws of the tasks.</summary>
internal static class RulerRandom
{
    /// <summary>Seven digits.</summary>
    public static string Number(ref KeyedRandom rng) => rng.Between(1_000_000, 9_999_999).ToString(CultureInfo.InvariantCulture);

    /// <summary>An adjective and a noun with a hyphen between them.</summary>
    public static string Word(ref KeyedRandom rng) => $"{rng.Pick(RulerWords.Adjectives)}-{rng.Pick(RulerWords.Nouns)}";

    /// <summary>A random UUID (version 4).</summary>
    public static string Uuid(ref KeyedRandom rng)
    {
        ulong high = (rng.NextUInt64() & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000,
            low = (rng.NextUInt64() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        string hex = high.ToString("x16", CultureInfo.InvariantCulture) + low.ToString("x16", CultureInfo.InvariantCulture);
        return $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..]}";
    }

    public static string Letters(ref KeyedRandom rng, char first, int count)
    {
        var letters = new char[count];
        for (int i = 0; i < count; i++)
        {
            letters[i] = (char)(first + rng.Below(26));
        }
        return new string(letters);
    }

    /// <summary><paramref name="count"/> different numbers of 0..<paramref name="below"/> - 1, in random order.</summary>
    public static int[] Distinct(ref KeyedRandom rng, int below, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, below);
        var moved = new Dictionary<int, int>(); // the first steps of a Fisher-Yates shuffle, without the array
        var drawn = new int[count];
        for (int place = 0; place < count; place++)
        {
            int other = rng.Between(place, below - 1);
            drawn[place] = moved.GetValueOrDefault(other, other);
            moved[other] = moved.GetValueOrDefault(place, place);
        }
        return drawn;
    }
}
