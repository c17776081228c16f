using Skipwise.Inference;

namespace Skipwise.Cli.Results;

/// <summary>A prompt and its continuation.</summary>
/// <param name="Text">the continuation, without the prompt</param>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="NewTokens">tokens generated, one that ended the text included</param>
/// <param name="Finish">why the text ended</param>
/// <param name="SecondsToFirstToken">from the request to the first token, without the time of loading</param>
/// <param name="PromptTokensPerSecond">tokens of the prompt read per second</param>
/// <param name="TokensPerSecond">tokens generated per second after the first; null: there was only one</param>
/// <param name="PeakMemoryBytes">largest resident set size of the process so far</param>
internal sealed record GeneratedText(string Model, string Prompt, string Text, int PromptTokens, int NewTokens, FinishReason Finish,
    double SecondsToFirstToken, double PromptTokensPerSecond, double? TokensPerSecond, long PeakMemoryBytes);
