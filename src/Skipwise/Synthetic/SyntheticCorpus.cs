using Skipwise.Numerics;

namespace Skipwise.Synthetic;

public enum SyntheticKind
{
    /// <summary><see cref="Skipwise.Synthetic.Chronicle"/></summary>
    Chronicle,
    /// <summary><see cref="Skipwise.Synthetic.RepeatedLists"/></summary>
    RepeatedLists,
    /// <summary><see cref="PasskeyText"/></summary>
    Passkey,
}

/// <summary>The two halves of the corpus never share a random stream.</summary>
public enum SyntheticPart
{
    Train,
    HeldOut,
}

/// <summary>An endless corpus: each document is a pure function of its kind, part, seed and index.</summary>
public static class SyntheticCorpus
{
    // Far from 0, 1, 2, ...: those are the streams of the training epochs. One stream per part and kind follows each.
    private const ulong FirstStream = 0x53594E5448; // "SYNTH"

    /// <param name="kind">what to write</param>
    /// <param name="part">to train on, or to measure with</param>
    /// <param name="seed">the corpus</param>
    /// <param name="index">the document</param>
    /// <param name="length">at least this long, to the end of a sentence; passkey documents: at most this long</param>
    public static string Document(SyntheticKind kind, SyntheticPart part, ulong seed, ulong index, TextLength length)
    {
        var rng = new KeyedRandom(seed, Stream(kind, part), index);
        return kind switch
        {
            SyntheticKind.Chronicle => Chronicle.Write(ref rng, length),
            SyntheticKind.RepeatedLists => RepeatedLists.Write(ref rng, length),
            SyntheticKind.Passkey => PasskeyText.Write(ref rng, length),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
        };
    }

    private static ulong Stream(SyntheticKind kind, SyntheticPart part) =>
        FirstStream + 2 * (ulong)kind + (ulong)part;
}
