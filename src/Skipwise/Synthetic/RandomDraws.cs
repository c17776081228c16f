using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>Random draws of the generators.</summary>
internal static class RandomDraws
{
    /// <summary><paramref name="count"/> different items of the pool, in random order.</summary>
    public static string[] Distinct(ref KeyedRandom rng, string[] pool, int count)
    {
        string[] items = [.. pool];
        for (int place = 0; place < count; place++) // the first steps of a Fisher-Yates shuffle
        {
            int other = rng.Between(place, items.Length - 1);
            (items[place], items[other]) = (items[other], items[place]);
        }
        return items[..count];
    }
}
