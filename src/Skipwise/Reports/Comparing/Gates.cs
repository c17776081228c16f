using Skipwise.Evaluation;

namespace Skipwise.Reports.Comparing;

/// <summary>Limits that a comparison must keep; null ones are not asked.</summary>
public sealed record GateOptions
{
    /// <summary>least share of passkeys, at every measured length up to the model's window</summary>
    [Within(0, 1, Name = "--min-passkey")]
    public double? MinPasskey { get; init; }
    /// <summary>by how much the perplexity at the original window may exceed the first model's, as a share: 0.02 is 2 %</summary>
    [Within(-1, 1e6, Name = "--max-short-ppl-increase")]
    public double? MaxShortPplIncrease { get; init; }
    /// <summary>least effective length in tokens</summary>
    [Within(0, 1 << 27, Name = "--min-effective-length")]
    public int? MinEffectiveLength { get; init; }
}

/// <summary>One limit held against one model.</summary>
/// <param name="Name">the option, with its limit</param>
/// <param name="Model">who was judged</param>
/// <param name="Finding">the number, or why there is none</param>
/// <param name="Passed">false also where nothing could be judged</param>
public sealed record GateResult(string Name, string Model, string Finding, bool Passed);

/// <summary>Judges the compared models: all but the first, which they are measured against; a model that stands alone is judged itself.</summary>
public static class Gates
{
    public static IReadOnlyList<GateResult> Judge(Comparison comparison)
    {
        GateOptions gates = comparison.Plan.Gates;
        IReadOnlyList<ComparedModel> judged = comparison.Models.Count > 1 ? [.. comparison.Models.Skip(1)] : comparison.Models;
        return
        [
            .. gates.MinPasskey is { } share ? judged.Select(model => Passkey(comparison, model, share)) : [],
            .. gates.MaxShortPplIncrease is { } increase ? judged.Select(model => ShortPerplexity(comparison, model, increase)) : [],
            .. gates.MinEffectiveLength is { } tokens ? judged.Select(model => Effective(comparison, model, tokens)) : [],
        ];
    }

    private static GateResult Passkey(Comparison comparison, ComparedModel model, double least)
    {
        string name = $"--min-passkey {Format.Short(least)}";
        EvaluationRecord[] within = [.. comparison.ByLength(model, "passkey", "accuracy").Where(record => record.Length <= model.Window)];
        if (within.Length == 0)
        {
            return new(name, model.Name, $"not measured at any length within its window of {model.Window} tokens: name one with --lengths", false);
        }
        EvaluationRecord worst = within.MinBy(record => double.IsNaN(record.Value) ? double.NegativeInfinity : record.Value)!;
        return new(name, model.Name, $"{Format.Share(worst.Value)} at {worst.Length} tokens, the least of {string.Join(", ", within.Select(record => record.Length))}", worst.Value >= least);
    }

    private static GateResult ShortPerplexity(Comparison comparison, ComparedModel model, double most)
    {
        string name = $"--max-short-ppl-increase {Format.Short(most)}";
        if (model == comparison.Reference)
        {
            return new(name, model.Name, "there is no other model to compare with: give two --model", false);
        }
        ShortCost? cost = comparison.ShortPerplexity(model);
        return cost switch
        {
            null => new(name, model.Name, $"perplexity at the original window of {comparison.OriginalWindow} tokens was not measured for both models: give --data, and name this length if --lengths is given", false),
            _ when comparison.TokenizersDiffer => new(name, model.Name, "the models' tokenizers differ, so their perplexities cannot be compared", false),
            _ => new(name, model.Name,
                $"{Format.Change(cost.Increase, Format.Percent)} ({Format.Perplexity(cost.Own.Value)} against {Format.Perplexity(cost.Reference.Value)} at {comparison.OriginalWindow} tokens)", cost.Increase.Value <= most),
        };
    }

    private static GateResult Effective(Comparison comparison, ComparedModel model, int least)
    {
        string name = $"--min-effective-length {least}";
        return comparison.EffectiveLength(model) is not { } length
            ? new(name, model.Name, "no retrieval was measured, so there is none", false)
            : new(name, model.Name, $"{length.Tokens} tokens ({length.Low} to {length.High} within the errors)", length.Tokens >= least);
    }
}
