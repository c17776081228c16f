using Skipwise.Numerics;

namespace Skipwise.Evaluation.Ruler;

/// <summary>A prompt and what its answer should hold.</summary>
public sealed record RulerText(string Prompt, IReadOnlyList<string> References);

/// <summary>Writes the samples of one task with a haystack of any size. Pure: the same draws give the same text.</summary>
internal interface IRulerWriter
{
    /// <summary>the smallest haystack, in the task's own unit: words, lines, documents</summary>
    int Smallest { get; }

    /// <summary>the largest haystack</summary>
    int Largest { get; }

    /// <summary>how many samples the material gives; null: any number</summary>
    int? Samples => null;

    /// <param name="rng">of this sample alone</param>
    /// <param name="sample">0, 1, ...</param>
    /// <param name="size">between <see cref="Smallest"/> and <see cref="Largest"/></param>
    RulerText Write(ref KeyedRandom rng, int sample, int size);
}

/// <summary>What the user's files give, for the tasks that need it.</summary>
/// <param name="Essays">prose to hide needles in</param>
/// <param name="Squad">questions of qa_1, or null</param>
/// <param name="Hotpot">questions of qa_2, or null</param>
public sealed record RulerMaterial(Essays Essays, QaSet? Squad = null, QaSet? Hotpot = null);
