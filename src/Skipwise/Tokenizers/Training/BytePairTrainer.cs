namespace Skipwise.Tokenizers.Training;

/// <summary>
/// Trains byte pair encoding (Sennrich, Haddow, Birch 2016) over UTF-8 bytes: merges the most frequent adjacent pair, repeatedly. Of pairs
/// with equal counts, the one with the smaller left id, then right id, is merged first.
/// </summary>
/// <remarks>
/// Pairs are counted anew for every merge, over the distinct pieces of the text. This is simple and takes seconds for a vocabulary of a
/// thousand tokens and ten thousand distinct words.
/// </remarks>
internal static class BytePairTrainer
{
    /// <summary>Trains a vocabulary on texts.</summary>
    public static BytePairVocabulary Train(IEnumerable<string> texts, BytePairOptions options)
    {
        OptionCheck.Require("Vocabulary", options);
        List<string> tokens = [.. options.SpecialTokens, .. BytePairPieces.Alphabet];
        if (options.VocabularySize < tokens.Count)
        {
            throw new SkipwiseException(
                $"vocabulary size {options.VocabularySize} is too small: the special tokens and the 256 bytes need {tokens.Count}");
        }

        var ids = new Dictionary<string, int>();
        for (int id = 0; id < tokens.Count; id++)
        {
            if (!ids.TryAdd(tokens[id], id))
            {
                throw new SkipwiseException(
                    $"special token '{tokens[id]}' is repeated, or is one of the 256 byte characters: choose another");
            }
        }

        (List<int> Ids, long Count)[] words = DistinctWords(texts, ids);
        var merges = new List<(string, string)>();
        while (tokens.Count < options.VocabularySize && MostFrequentPair(words, options.MinimumPairCount) is { } pair)
        {
            merges.Add((tokens[pair.Left], tokens[pair.Right]));
            string joined = tokens[pair.Left] + tokens[pair.Right];
            if (!ids.TryGetValue(joined, out int id)) // "a"+"bc" may have been learned as "ab"+"c" already
            {
                id = tokens.Count;
                tokens.Add(joined);
                ids.Add(joined, id);
            }
            foreach ((List<int> word, _) in words)
            {
                Join(word, pair, id);
            }
        }
        return new(options.SpecialTokens, tokens, merges);
    }

    private static (List<int> Ids, long Count)[] DistinctWords(IEnumerable<string> texts, Dictionary<string, int> ids)
    {
        var counts = new Dictionary<string, long>();
        foreach (string piece in texts.SelectMany(BytePairPieces.Cut))
        {
            counts[piece] = counts.GetValueOrDefault(piece) + 1;
        }

        return [.. counts.Select(entry => (entry.Key.Select(character => ids[character.ToString()]).ToList(), entry.Value))];
    }

    private static (int Left, int Right)? MostFrequentPair((List<int> Ids, long Count)[] words, int minimum)
    {
        var counts = new Dictionary<(int Left, int Right), long>();
        foreach ((List<int> word, long count) in words)
        {
            for (int i = 1; i < word.Count; i++)
            {
                counts[(word[i - 1], word[i])] = counts.GetValueOrDefault((word[i - 1], word[i])) + count;
            }
        }
        (int Left, int Right)? best = null;
        long bestCount = minimum - 1;
        foreach ((var pair, long count) in counts)
        {
            // The rule for ties makes the result independent of the dictionary's order.
            if (count > bestCount || (count == bestCount && best is { } other && pair.CompareTo(other) < 0))
            {
                (best, bestCount) = (pair, count);
            }
        }
        return best;
    }

    /// <summary>Replaces the pair by its merged id, from left to right, without overlap.</summary>
    private static void Join(List<int> word, (int Left, int Right) pair, int joined)
    {
        for (int i = 0; i + 1 < word.Count; i++)
        {
            if ((word[i], word[i + 1]) == pair)
            {
                word[i] = joined;
                word.RemoveAt(i + 1);
            }
        }
    }
}
