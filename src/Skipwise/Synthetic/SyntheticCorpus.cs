using Skipwise.Numerics;

namespace Skipwise.Synthetic;

/// <summary>The kind of a document.</summary>
public enum SyntheticKind
{
    /// <summary><see cref="Skipwise.Synthetic.Chronicle"/></summary>
    Chronicle,
    /// <summary><see cref="Skipwise.Synthetic.RepeatedLists"/></summary>
    RepeatedLists,
    /// <summary><see cref="PasskeyText"/></summary>
    Passkey,
}

/// <summary>A part of the corpus; the parts have distinct random streams.</summary>
internal enum SyntheticPart
{
    /// <summary>for training</summary>
    Train,
    /// <summary>for evaluation</summary>
    HeldOut,
}

/// <summary>An unlimited corpus: each document is a pure function of its kind, part, seed and index.</summary>
internal static class SyntheticCorpus
{
    // Far from 0, 1, 2, ..., the streams of the training epochs. There is one stream per part and kind.
    private const ulong FirstStream = 0x53594E5448; // "SYNTH"

    /// <summary>Writes a document.</summary>
    /// <param name="kind">its kind</param>
    /// <param name="part">training or evaluation</param>
    /// <param name="seed">seed of the corpus</param>
    /// <param name="index">index of the document</param>
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
