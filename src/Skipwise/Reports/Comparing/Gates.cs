using Skipwise.Evaluation.Results;
using Skipwise.Recipes;

namespace Skipwise.Reports.Comparing;

/// <summary>Checks the acceptance limits for all models but the first, which is the reference. A single model is checked itself.</summary>
internal static class Gates
{
    /// <summary>Checks every limit that is set.</summary>
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
        string name = $"{OptionName.Of(nameof(GateOptions.MinPasskey))} {NumberFormat.Short(least)}";
        EvaluationRecord[] within = [.. comparison.ByLength(model, "passkey", "accuracy").Where(record => record.Length <= model.Window)];
        if (within.Length == 0)
        {
            return new(name, model.Name,
                $"not measured at any length within its window of {model.Window} tokens: name one with " +
                $"{OptionName.Of(nameof(EvaluateAllOptions.Lengths))}", false);
        }
        EvaluationRecord worst = within.MinBy(record => double.IsNaN(record.Value) ? double.NegativeInfinity : record.Value)!;
        return new(name, model.Name,
            $"{NumberFormat.Fraction(worst.Value)} at {worst.Length} tokens, the least of " +
            $"{string.Join(", ", within.Select(record => record.Length))}", worst.Value >= least);
    }

    private static GateResult ShortPerplexity(Comparison comparison, ComparedModel model, double most)
    {
        string name = $"{OptionName.Of(nameof(GateOptions.MaxShortPplIncrease))} {NumberFormat.Short(most)}";
        if (model == comparison.Reference)
        {
            return new(name, model.Name,
                $"there is no other model to compare with: give two {OptionName.Of(nameof(EvaluateAllOptions.Models))}", false);
        }
        ShortCost? cost = comparison.ShortPerplexity(model);
        return cost switch
        {
            null => new(name, model.Name,
                $"perplexity at the original window of {comparison.OriginalWindow} tokens was not measured for both models: give " +
                $"{OptionName.Of(nameof(EvaluateAllOptions.Data))}, and name this length if " +
                $"{OptionName.Of(nameof(EvaluateAllOptions.Lengths))} is given", false),
            _ when comparison.TokenizersDiffer =>
                new(name, model.Name, "the models' tokenizers differ, so their perplexities cannot be compared", false),
            _ => new(name, model.Name,
                $"{NumberFormat.Change(cost.Increase, NumberFormat.Percent)} ({NumberFormat.Perplexity(cost.Own.Value)} against " +
                $"{NumberFormat.Perplexity(cost.Reference.Value)} at {comparison.OriginalWindow} tokens)", cost.Increase.Value <= most),
        };
    }

    private static GateResult Effective(Comparison comparison, ComparedModel model, int least)
    {
        string name = $"{OptionName.Of(nameof(GateOptions.MinEffectiveLength))} {least}";
        return comparison.EffectiveLength(model) is not { } length
            ? new(name, model.Name, "no retrieval was measured, so there is none", false)
            : new(name, model.Name, $"{length.Tokens} tokens ({length.Low} to {length.High} within the errors)", length.Tokens >= least);
    }
}
