namespace Skipwise.Evaluation.Passkey;

/// <summary>How the depths of the keys are chosen.</summary>
public enum PasskeyDepths
{
    /// <summary>evenly spread: trial i of n has depth (i + .5) / n, so that few trials cover all depths</summary>
    Stratified,
    /// <summary>drawn uniformly per trial, as in the PoSE reference code</summary>
    Random,
}

/// <summary>The layout of the filler text.</summary>
public enum PasskeyVariant
{
    /// <summary>whole filler units without a separator, as in the PoSE reference code</summary>
    Pose,
    /// <summary>filler units separated by a space and cut after any character, as in the evaluations of Landmark attention and
    /// YaRN</summary>
    Landmark,
}

/// <summary>Options of the passkey evaluation. The defaults are those of the PoSE reference code if it has one.</summary>
public sealed record PasskeyOptions
{
    /// <summary>lengths of prompt and answer together, in tokens; one result each</summary>
    [Within(1, 1 << 27)]
    public required IReadOnlyList<int> Lengths { get; init; }
    /// <summary>the layout of the filler text</summary>
    public PasskeyVariant Variant { get; init; } = PasskeyVariant.Pose;
    /// <summary>prompts per length, each with its own key; with a grid, per length and depth</summary>
    [Within(1, 100000)]
    public int Trials { get; init; } = 50;
    /// <summary>number of depths of a grid, in equal steps from 0 to <see cref="MaxDepth"/>, the same for every length; null:
    /// <see cref="Depths"/> chooses the depths</summary>
    [Within(2, 10000)]
    public int? Grid { get; init; }
    /// <summary>how the depths of the keys are chosen without a grid</summary>
    public PasskeyDepths Depths { get; init; } = PasskeyDepths.Stratified;
    /// <summary>
    /// largest depth of a key, as a fraction of the filler text; 1 in the PoSE reference code. A short window also reaches a key that is
    /// close to the question; with 0.5 every key is far from it
    /// </summary>
    [Within(0, 1, Above = true)]
    public double MaxDepth { get; init; } = 1;
    /// <summary>tokens of the answer, by greedy decoding</summary>
    [Within(1, 1 << 20)]
    public int MaxNewTokens { get; init; } = 10;
    /// <summary>seed of the keys and of random depths</summary>
    public ulong Seed { get; init; }
    /// <summary>prompts per batch; null: as many as fit a 256 MB cache</summary>
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
