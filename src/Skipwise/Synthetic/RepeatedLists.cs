using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>
/// Lists of words that are repeated word by word: "Lists: lamp Mira blue. Again: lamp Mira blue." A model can predict the copy only by
/// looking up what followed the same word before (induction), so pretraining begins with it: without it a small model learns retrieval
/// late or never.
/// </summary>
internal static class RepeatedLists
{
    /// <summary>Writes a document of at least this length.</summary>
    /// <param name="rng">the source of randomness</param>
    /// <param name="length">least length</param>
    /// <param name="commaShare">
    /// fraction of lists with commas. With a comma between words, looking up the last token is not enough, which is harder, so the default
    /// is small
    /// </param>
    public static string Write(ref KeyedRandom rng, TextLength length, double commaShare = 0.1)
    {
        var text = new MeasuredText(length);
        while (!text.IsLongEnough)
        {
            string items = DrawItems(ref rng, commaShare);
            text.Add($"Lists: {items}.");
            for (int copies = rng.Between(1, 3); copies > 0 && !text.IsLongEnough; copies--)
            {
                text.Add($"Again: {items}.");
            }
        }
        return text.ToString();
    }

    private static string DrawItems(ref KeyedRandom rng, double commaShare)
    {
        double kind = rng.NextDouble();
        if (kind < 0.2) // one number, digit by digit, like codes and pass keys
        {
            return string.Concat(RandomDraws.Distinct(ref rng, Words.Digits, rng.Between(4, 10)));
        }

        string[] pool = kind < 0.4 ? rng.Pick([Words.Names, Words.Places, Words.Objects]) : Words.Listed;
        return string.Join(rng.Chance(commaShare) ? ", " : " ", RandomDraws.Distinct(ref rng, pool, rng.Between(4, 24)));
    }
}
