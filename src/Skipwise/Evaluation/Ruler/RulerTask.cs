namespace Skipwise.Evaluation.Ruler;

/// <summary>The scoring rule of a task. Both rules look for the references anywhere in the answer, ignoring case.</summary>
public enum RulerScoring
{
    /// <summary>the fraction of the references found (string_match_all)</summary>
    MatchAll,
    /// <summary>1 if any reference is found (string_match_part)</summary>
    MatchPart,
}

/// <summary>The source material that a task needs from the user's files.</summary>
public enum RulerDataSource
{
    /// <summary>no material</summary>
    None,
    /// <summary>prose</summary>
    Essays,
    /// <summary>SQuAD</summary>
    Squad,
    /// <summary>HotpotQA</summary>
    Hotpot,
}

/// <summary>One of RULER's thirteen tasks, as data (Hsieh et al. 2024).</summary>
public sealed record RulerTask
{
    /// <param name="writer">creates the generator from (material, length, function that counts a text's tokens)</param>
    private RulerTask(string name, int newTokens, Func<RulerData, int, Func<string, int>, IRulerGenerator> writer) =>
        (Name, NewTokens, Writer) = (name, newTokens, writer);

    /// <summary>its name in RULER</summary>
    public string Name { get; }
    /// <summary>tokens of an answer; the length includes them</summary>
    public int NewTokens { get; }
    /// <summary>the scoring rule</summary>
    public RulerScoring Scoring { get; init; } = RulerScoring.MatchAll;
    /// <summary>its source material</summary>
    public RulerDataSource DataSource { get; init; }
    internal Func<RulerData, int, Func<string, int>, IRulerGenerator> Writer { get; }

    /// <summary>The thirteen tasks, in RULER's order.</summary>
    public static IReadOnlyList<RulerTask> All { get; } =
    [
        Needles("niah_single_1", new() { Haystack = NeedleHaystack.Noise }),
        Needles("niah_single_2", new()),
        Needles("niah_single_3", new() { Values = NeedleKind.Uuids }),
        Needles("niah_multikey_1", new() { NumKeys = 4 }),
        Needles("niah_multikey_2", new() { Haystack = NeedleHaystack.Needles }),
        Needles("niah_multikey_3", new() { Haystack = NeedleHaystack.Needles, Keys = NeedleKind.Uuids, Values = NeedleKind.Uuids }),
        Needles("niah_multivalue", new() { NumValues = 4 }),
        Needles("niah_multiquery", new() { NumQueries = 4 }),
        new("vt", VariableTracking.NewTokens, (_, length, count) => new VariableTracking(length, count)),
        new("cwe", CommonWordsExtraction.NewTokens, (_, length, count) => new CommonWordsExtraction(length, count)),
        new("fwe", 50, (_, length, _) => new FrequentWordsExtraction(length)),
        new("qa_1", 32, (material, _, _) => new QuestionAnswering(material.Squad!)) { Scoring = RulerScoring.MatchPart,
            DataSource = RulerDataSource.Squad },
        new("qa_2", 32, (material, _, _) => new QuestionAnswering(material.Hotpot!)) { Scoring = RulerScoring.MatchPart,
            DataSource = RulerDataSource.Hotpot },
    ];

    private static RulerTask Needles(string name, NeedlesInHaystackOptions options) =>
        new(name, 128, (material, _, _) => new NeedlesInHaystack(options, material.Essays))
        {
            DataSource = options.Haystack == NeedleHaystack.Essays ? RulerDataSource.Essays : RulerDataSource.None,
        };

    /// <summary>The score of an answer, 0..1: the fraction of the references that it contains, or whether it contains any.</summary>
    public double Score(string answer, IReadOnlyList<string> references)
    {
        int found = references.Count(reference => answer.Contains(reference, StringComparison.OrdinalIgnoreCase));
        return Scoring == RulerScoring.MatchAll ? (double)found / references.Count : Math.Min(found, 1);
    }
}
