using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>Generates the samples of one task with a haystack of any size. Pure: the same draws give the same text.</summary>
internal interface IRulerGenerator
{
    /// <summary>the smallest haystack, in the task's own unit: words, lines, documents</summary>
    int Smallest { get; }

    /// <summary>the largest haystack</summary>
    int Largest { get; }

    /// <summary>number of samples in the material; null: unlimited</summary>
    int? Samples => null;

    /// <summary>Generates one sample.</summary>
    /// <param name="rng">of this sample alone</param>
    /// <param name="sample">0, 1, ...</param>
    /// <param name="size">between <see cref="Smallest"/> and <see cref="Largest"/></param>
    RulerText Write(ref KeyedRandom rng, int sample, int size);
}
