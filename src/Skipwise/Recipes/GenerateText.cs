using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Tokenizers;

namespace Skipwise.Recipes;

/// <summary>A model and a prompt.</summary>
public sealed record GenerateTextOptions
{
    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>the text to continue</summary>
    public required string Prompt { get; init; }
    /// <summary>RoPE scaling in place of config.json's; null members keep what config.json says</summary>
    public RopeOverrides Rope { get; init; } = new();
    /// <summary>device and element type</summary>
    public ComputeOptions Compute { get; init; } = new();
    /// <summary>folder of a LoRA adapter in PEFT's layout, merged into the weights; null for none</summary>
    [PathName]
    public string? Adapter { get; init; }
    /// <summary>sampling settings; without stop tokens, every end token of the model's files ends the text</summary>
    public GenerationOptions Generation { get; init; } = new();
}

/// <summary>Generates the continuation of a text.</summary>
public static class GenerateText
{
    /// <param name="onText">called with every piece of text; the pieces joined are the continuation</param>
    /// <param name="note">receives warnings and notes for the user</param>
    /// <returns>tokens of the prompt, BOS included, and tokens generated</returns>
    /// <exception cref="SkipwiseException">a model that cannot be read, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// GenerateText.Run(new() { Model = "llama-32k", Prompt = "Once upon a time" }, Console.Write);
    /// </code>
    /// </example>
    public static (int PromptTokens, int NewTokens) Run(GenerateTextOptions options, Action<string> onText, IProgress<string>? note = null,
        CancellationToken cancel = default)
    {
        OptionCheck.Require("Generation", options);
        var source = new ModelSource(options.Model, options.Rope, Adapter: options.Adapter);
        ITokenizer tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(options.Model), PretrainedModel.Architecture(source).VocabSize);
        using PretrainedModel pretrained = ModelLoader.Load(source, options.Compute, note);
        return Run(pretrained.Model, tokenizer, options.Prompt, options.Generation, onText, cancel);
    }

    /// <summary>Continues a text with a loaded model.</summary>
    internal static (int PromptTokens, int NewTokens) Run(
        CausalLM model, ITokenizer tokenizer, string text, GenerationOptions options, Action<string> onText, CancellationToken cancel)
    {
        int[] content = tokenizer.Encode(text);
        int[] prompt = tokenizer is { AddsBos: true, BosId: { } bos } ? [bos, .. content] : content;
        IReadOnlyList<int> stop = options.StopTokens is { Count: > 0 } own ? own : tokenizer.EndIds;
        var decoder = new IncrementalDecoder(tokenizer, prompt);
        int[] ids = TextGenerator.Generate(model, prompt, options with { StopTokens = stop }, id => Tell(decoder.Append(id)), cancel);
        Tell(decoder.Rest());
        return (prompt.Length, ids.Length);

        void Tell(string piece)
        {
            if (piece.Length > 0)
            {
                onText(piece);
            }
        }
    }
}
