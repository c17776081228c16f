using Skipwise.Synthetic;
using Skipwise.Tests.Tokenizers.Training;
using Skipwise.Tokenizers.Training;

namespace Skipwise.Tests.Synthetic;

/// <summary>The vocabulary that a pretraining learns, learned once for all tests.</summary>
internal static class LearnedVocabulary
{
    private static readonly Lazy<BytePairVocabulary> s_vocabulary = new(() => SyntheticVocabulary.Learn(1, new BytePairOptions()));

    public static BytePairVocabulary Vocabulary => s_vocabulary.Value;

    public static NaiveBytePairTokenizer NewTokenizer() => new(Vocabulary);
}
