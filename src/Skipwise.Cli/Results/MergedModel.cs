namespace Skipwise.Cli.Results;

/// <summary>A model with an adapter merged into its weights.</summary>
/// <param name="Out">its folder</param>
/// <param name="Updates">weights updated</param>
/// <param name="Replaced">weights replaced</param>
/// <param name="Rounded">the merged weights were rounded to the type in which the base model is stored</param>
internal sealed record MergedModel(string Out, int Updates, int Replaced, bool Rounded);
