using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Runtime;

namespace Skipwise.Recipes;

/// <summary>A model and a prompt.</summary>
public sealed record GenerateTextOptions
{
    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>the text to continue; with <see cref="Chat"/> what the user says</summary>
    public required string Prompt { get; init; }
    /// <summary>whether the prompt is a user's message that the model answers: its chat template makes the text of it</summary>
    public bool Chat { get; init; }
    /// <summary>with <see cref="Chat"/>: the system message that precedes the user's; null for none</summary>
    public string? System { get; init; }
    /// <summary>texts that end the continuation and are not part of it, also across the borders of tokens</summary>
    public IReadOnlyList<string> StopTexts { get; init; } = [];
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>8 or 4: the layers' matrices are quantized as they are loaded, in blocks of 64 (4: NormalFloat4); null: they are
    /// not</summary>
    [Within(4, 8)]
    public int? QuantizationBits { get; init; }
    /// <summary>how keys and values are stored</summary>
    public KvCacheType CacheType { get; init; }
    /// <summary>sampling settings; without stop tokens, every end token of the model's files ends the text</summary>
    public GenerationOptions Generation { get; init; } = new();
}

/// <summary>How long a text is, and how long it took.</summary>
/// <param name="PromptTokens">tokens of the prompt, BOS included</param>
/// <param name="CachedTokens">those of them that an earlier prompt began with: they were not read again</param>
/// <param name="NewTokens">tokens generated, one that ended the text included</param>
/// <param name="Finish">why it ended</param>
/// <param name="SecondsToFirstToken">from the request to the first token, without the time of loading</param>
/// <param name="SecondsOfOthers">from the first token to the last</param>
public sealed record GeneratedTextMeasures(
    int PromptTokens, int CachedTokens, int NewTokens, FinishReason Finish, double SecondsToFirstToken, double SecondsOfOthers)
{
    /// <summary>tokens of the prompt read per second</summary>
    public double PromptTokensPerSecond => (PromptTokens - CachedTokens) / SecondsToFirstToken;

    /// <summary>tokens generated per second after the first; null: there was only one</summary>
    public double? TokensPerSecond => NewTokens > 1 ? (NewTokens - 1) / SecondsOfOthers : null;
}

/// <summary>Generates the continuation of a text, or a model's answer.</summary>
public static class GenerateText
{
    /// <param name="onText">called with every piece of text; the pieces joined are the continuation</param>
    /// <param name="note">receives warnings and notes for the user</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// GenerateText.Run(new() { Model = "llama-32k", Prompt = "Once upon a time" }, Console.Write);
    /// </code>
    /// </example>
    public static GeneratedTextMeasures Run(GenerateTextOptions options, Action<string> onText, IProgress<string>? note = null,
        CancellationToken cancel = default)
    {
        using var session = TextSession.Load(options, note);
        MeasuredText text = session.Begin(options.Prompt, cancel: cancel);
        foreach (string piece in text.Pieces())
        {
            onText(piece);
        }
        return text.Measures!;
    }
}
