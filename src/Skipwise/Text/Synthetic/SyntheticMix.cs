using Skipwise.Numerics;

namespace Skipwise.Text.Synthetic;

/// <summary>Shares of the kinds of document in a corpus, and how long documents are.</summary>
public sealed record SyntheticMixOptions
{
    /// <summary>documents</summary>
    [Within(1, 1e7)]
    public required int Documents { get; init; }
    /// <summary>share of passkey texts; they fit the window</summary>
    [Within(0, 1)]
    public double Passkeys { get; init; } = 0.2;
    /// <summary>share of repeated lists</summary>
    [Within(0, 1)]
    public double Lists { get; init; }
    /// <summary>tokens that a window holds, BOS included</summary>
    [Within(2, 1 << 24)]
    public required int Window { get; init; }
    /// <summary>the longest chronicles; lengths are log-uniform from the window up to this</summary>
    [Within(1, 1 << 24)]
    public required int LongestChronicle { get; init; }
}

/// <summary>A tokenised corpus: chronicles, passkey texts and repeated lists, each document a function of the seed and its index.</summary>
public static class SyntheticMix
{
    private const ulong KindStream = 0x4D4958; // "MIX"
    private const int ShortestPasskey = 84; // the five lines without garbage, and the answer

    public static TokenList Tokens(SyntheticMixOptions mix, SyntheticPart part, ulong seed, ITokenizer tokenizer)
    {
        OptionCheck.Require("Corpus", mix);
        var documents = new int[mix.Documents][];
        int room = mix.Window - 1; // beside BOS
        Parallel.For(0, mix.Documents, index =>
        {
            var rng = new KeyedRandom(seed, KindStream + (ulong)part, (ulong)index);
            double kind = rng.NextDouble();
            (SyntheticKind what, int length) = kind < mix.Passkeys
                ? (SyntheticKind.Passkey, rng.Between(Math.Min(ShortestPasskey, room), room))
                : kind < mix.Passkeys + mix.Lists
                    ? (SyntheticKind.RepeatedLists, room)
                    : (SyntheticKind.Chronicle, (int)(mix.Window * Math.Pow((double)mix.LongestChronicle / mix.Window, rng.NextDouble())));
            string text = SyntheticCorpus.Document(what, part, seed, (ulong)index, TextLength.Tokens(length, tokenizer));
            documents[index] = tokenizer.Encode(text);
        });
        return new TokenList(documents);
    }
}
