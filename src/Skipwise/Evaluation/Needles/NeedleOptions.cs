namespace Skipwise.Evaluation.Needles;

/// <summary>The prompt template around the haystack.</summary>
public enum NeedleVariant
{
    /// <summary>a story book, then the question and the answer's beginning (EasyContext)</summary>
    EasyContext,
    /// <summary>the bare haystack with a buffer of unused tokens, then the question and an answer cue (Kamradt)</summary>
    Kamradt,
}

/// <summary>Options of the needle-in-a-haystack evaluation.</summary>
public sealed record NeedleOptions
{
    /// <summary>lengths of prompt and answer together, in tokens</summary>
    [Within(1, 1 << 27)]
    public required IReadOnlyList<int> Lengths { get; init; }
    /// <summary>depths in equal steps from 0 to 1</summary>
    [Within(2, 10000)]
    public int Depths { get; init; } = 11;
    /// <summary>prompts per length and depth; they differ in the numbers and the distractors' places</summary>
    [Within(1, 100000)]
    public int Trials { get; init; } = 5;
    /// <summary>the prompt template</summary>
    public NeedleVariant Variant { get; init; } = NeedleVariant.EasyContext;
    /// <summary>the first is placed at the depth, the others in equal steps between it and the end; empty: the variant's default</summary>
    public IReadOnlyList<Needle> Needles { get; init; } = [];
    /// <summary>sentences that look like the needle, at random places</summary>
    public IReadOnlyList<string> Distractors { get; init; } = [];
    /// <summary>tokens of the length left unused; null: the variant's default, 0 or Kamradt's 200</summary>
    [Within(0, 1 << 27)]
    public int? Buffer { get; init; }
    /// <summary>seed of the numbers and of the distractors' places</summary>
    public ulong Seed { get; init; }
    /// <summary>prompts per batch; null: as many as fit a 256 MB cache</summary>
    [Within(1, 1 << 16)]
    public int? BatchSize { get; init; }

    /// <summary>The needles, or the variant's default if none are given.</summary>
    public IReadOnlyList<Needle> EffectiveNeedles() =>
        Needles.Count > 0 ? Needles : [Variant == NeedleVariant.EasyContext ? Needle.MagicNumber : Needle.Sandwich];

    /// <summary>The tokens left unused, or the variant's default.</summary>
    public int EffectiveBuffer() => Buffer ?? (Variant == NeedleVariant.Kamradt ? 200 : 0);

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate()
    {
        var problems = new List<string>();
        if (Lengths.Count == 0) { problems.Add("no length is given"); }
        if (Lengths.Distinct().Count() < Lengths.Count) { problems.Add("a length is given twice"); }
        if (EffectiveNeedles().All(needle => needle.Question is null))
        {
            problems.Add($"no needle has a question: give {OptionName.Of(nameof(Needle.Question))} and " +
                $"{OptionName.Of(nameof(Needle.Answer))}");
        }
        foreach (Needle needle in EffectiveNeedles()
            .Where(needle => needle.Question is not null && string.IsNullOrWhiteSpace(needle.Answer)))
        {
            problems.Add($"the question \"{needle.Question}\" has no answer");
        }
        OptionCheck.Require("Needle", this, problems);
    }
}
