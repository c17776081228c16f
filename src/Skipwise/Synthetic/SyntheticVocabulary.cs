using Skipwise.Tokenizers.Training;

namespace Skipwise.Synthetic;

/// <summary>A byte-level BPE vocabulary for the synthetic corpus: with a thousand tokens, every word of the corpus is a token.</summary>
internal static class SyntheticVocabulary
{
    private const int DocumentsPerKind = 400;
    private const int CharactersPerDocument = 2000;

    /// <summary>Trains it on a sample of the training part, with equal proportions of the three kinds, so that no word is rare.</summary>
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
