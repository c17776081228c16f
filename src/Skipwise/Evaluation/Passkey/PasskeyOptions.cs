namespace Skipwise.Evaluation.Passkey;

/// <summary>Where in the garbage the keys stand.</summary>
public enum PasskeyDepths
{
    /// <summary>spread evenly: trial i of n at depth (i + .5) / n, so that few trials already cover every depth</summary>
    Stratified,
    /// <summary>drawn uniformly per trial, as in the original</summary>
    Random,
}

/// <summary>How the garbage is made.</summary>
public enum PasskeyVariant
{
    /// <summary>whole units without any separator, as in the released PoSE code</summary>
    Pose,
    /// <summary>units with a space between them, cut after any character, as in the tests of Landmark attention and YaRN</summary>
    Landmark,
}

/// <summary>How passkey retrieval is measured; the defaults are the original's where it has one.</summary>
public sealed record PasskeyOptions
{
    /// <summary>lengths in tokens that a prompt and its answer fill; one result each</summary>
    [Within(1, 1 << 27)]
    public required IReadOnlyList<int> Lengths { get; init; }
    /// <summary>how the garbage is made</summary>
    public PasskeyVariant Variant { get; init; } = PasskeyVariant.Pose;
    /// <summary>prompts per length, each with its own key; with a grid, per length and depth</summary>
    [Within(1, 100000)]
    public int Trials { get; init; } = 50;
    /// <summary>so many depths in equal steps from 0 to <see cref="MaxDepth"/>, the same for every length: a grid; null places the keys by
    /// <see cref="Depths"/></summary>
    [Within(2, 10000, Name = "depths")]
    public int? Grid { get; init; }
    /// <summary>where the keys stand</summary>
    public PasskeyDepths Depths { get; init; } = PasskeyDepths.Stratified;
    /// <summary>
    /// keys stand in this first share of the garbage; 1 is the original. A key close to the question can be found through a short window
    /// too: 0.5 asks for keys that only a window of the prompt's own size has in sight
    /// </summary>
    [Within(0, 1, Above = true)]
    public double MaxDepth { get; init; } = 1;
    /// <summary>tokens of the answer, generated greedily</summary>
    [Within(1, 1 << 20)]
    public int MaxNewTokens { get; init; } = 10;
    /// <summary>seed of the keys and of random depths</summary>
    public ulong Seed { get; init; }
    /// <summary>prompts decoded together; null takes as many as a 256 MB cache holds</summary>
    [Within(1, 1 << 16)]
    public int? BatchSize { get; init; }

    /// <summary>Throws one error that names every setting out of range.</summary>
    public void Validate()
    {
        var problems = new List<string>();
        if (Lengths.Count == 0) { problems.Add("no length is given"); }
        if (Lengths.Distinct().Count() < Lengths.Count) { problems.Add("a length is given twice"); }
        OptionCheck.Require("Passkey", this, problems);
    }
}
