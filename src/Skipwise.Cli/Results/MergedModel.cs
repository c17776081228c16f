namespace Skipwise.Cli.Results;

/// <summary>A model with an adapter merged into its weights, or the average of two models.</summary>
/// <param name="Out">its folder</param>
/// <param name="Updates">weights updated; of an average, all of them</param>
/// <param name="Replaced">weights replaced</param>
/// <param name="Rounded">the merged weights were rounded to the type in which the model is stored</param>
/// <param name="Average">weight of the tuned model in an average; null: an adapter was merged</param>
internal sealed record MergedModel(string Out, int Updates, int Replaced, bool Rounded, double? Average = null);
