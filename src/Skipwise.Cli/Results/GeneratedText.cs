namespace Skipwise.Cli.Results;

/// <summary>A prompt and its continuation.</summary>
/// <param name="Text">the continuation, without the prompt</param>
internal sealed record GeneratedText(string Model, string Prompt, string Text);
