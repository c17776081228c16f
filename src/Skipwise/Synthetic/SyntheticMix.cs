using Skipwise.Numerics;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Synthetic;

/// <summary>A tokenized corpus of chronicles, passkey texts and repeated lists. Each document is a function of the seed and its
/// index.</summary>
internal static class SyntheticMix
{
    private const ulong KindStream = 0x4D4958; // "MIX"
    private const int ShortestPasskey = 84; // the five lines without filler text, and the answer

    /// <summary>Writes and tokenizes the documents of one part.</summary>
    public static TokenList Tokens(SyntheticMixOptions mix, SyntheticPart part, ulong seed, ITokenizer tokenizer)
    {
        OptionCheck.Require("Corpus", mix);
        var documents = new int[mix.Documents][];
        int longest = mix.Window - 1; // without BOS
        Parallel.For(0, mix.Documents, index =>
        {
            var rng = new KeyedRandom(seed, KindStream + (ulong)part, (ulong)index);
            double kind = rng.NextDouble();
            (SyntheticKind what, int length) = kind < mix.PasskeyFraction
                ? (SyntheticKind.Passkey, rng.Between(Math.Min(ShortestPasskey, longest), longest))
                : kind < mix.PasskeyFraction + mix.ListFraction
                    ? (SyntheticKind.RepeatedLists, longest)
                    : (SyntheticKind.Chronicle, (int)(mix.Window * Math.Pow((double)mix.LongestChronicle / mix.Window, rng.NextDouble())));
            string text = SyntheticCorpus.Document(what, part, seed, (ulong)index, TextLength.Tokens(length, tokenizer));
            documents[index] = tokenizer.Encode(text);
        });
        return new TokenList(documents);
    }
}
