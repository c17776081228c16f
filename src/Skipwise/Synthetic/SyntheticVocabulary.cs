using Skipwise.Tokenizers.Training;

namespace Skipwise.Synthetic;

/// <summary>A byte-level BPE vocabulary for the synthetic corpus: a thousand tokens give every word of it a token of its own.</summary>
public static class SyntheticVocabulary
{
    private const int DocumentsPerKind = 400;
    private const int CharactersPerDocument = 2000;

    /// <summary>Learns from a sample of the training part, with equal shares of the three kinds: no word is rare there.</summary>
    public static BytePairVocabulary Learn(ulong seed, BytePairOptions options)
    {
        var length = TextLength.Characters(CharactersPerDocument);
        return BytePairTrainer.Train(
            from kind in Enum.GetValues<SyntheticKind>()
            from index in Enumerable.Range(0, DocumentsPerKind)
            select SyntheticCorpus.Document(kind, SyntheticPart.Train, seed, (ulong)index, length),
            options);
    }
}
