using Skipwise.Chat;
using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Inference;
using Skipwise.Models;
using Skipwise.Runtime;
using Skipwise.Serving;
using Skipwise.Tokenizers;

namespace Skipwise.Recipes;

/// <summary>A model that texts are asked of.</summary>
public sealed record TextModelOptions
{
    /// <summary>Hugging Face folder, or a GGUF file</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>that callers know it by; null: the name of the folder or file</summary>
    public string? Name { get; init; }
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
    /// <summary>how many texts at the same time, and how much memory for their keys and values</summary>
    public EngineOptions Engine { get; init; } = new();
    /// <summary>folder for a file with the kept beginnings of prompts: written when the model is disposed, and read when it is loaded
    /// again; null: they are not stored. The file contains the tokens of prompts</summary>
    [PathName]
    public string? PromptCache { get; init; }
}

/// <summary>Loads a model so that texts can be asked of it, by many callers at the same time.</summary>
public static class LoadTextModel
{
    /// <param name="note">receives warnings and notes for the user</param>
    /// <exception cref="SkipwiseException">a model that cannot be read, or an impossible setting</exception>
    /// <example>
    /// <code>
    /// using Skipwise.Serving;
    ///
    /// using TextModel model = LoadTextModel.Run(new() { Model = "llama-32k" });
    /// (string text, _) = await model.Generate(new() { Prompt = model.Encode("Once upon a time") }).ReadAsync();
    /// </code>
    /// </example>
    public static TextModel Run(TextModelOptions options, IProgress<string>? note = null)
    {
        OptionCheck.Require("Loading", options, Problems(options));
        var source = new ModelSource(options.Model, options.Rope, Adapter: options.Adapter, QuantizationBits: options.QuantizationBits);
        ITokenizer tokenizer = BoundedTokenizer.Create(TokenizerLoader.Load(options.Model), PretrainedModel.Architecture(source).VocabSize);
        var template = ChatTemplate.Load(options.Model);
        string name = options.Name ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Model)));
        PretrainedModel pretrained = ModelLoader.Load(source, options.Compute, note);
        try
        {
            return new TextModel(name, pretrained.Model, tokenizer, template, pretrained, options.Engine,
                options.PromptCache is { } folder ? PromptCacheFile.Of(folder, name, options, pretrained, note) : null);
        }
        catch
        {
            pretrained.Dispose();
            throw;
        }
    }

    private static IEnumerable<string> Problems(TextModelOptions options)
    {
        string bits = OptionName.Of(nameof(TextModelOptions.QuantizationBits));
        if (options.QuantizationBits is > 4 and < 8)
        {
            yield return $"{bits} is {options.QuantizationBits}; it must be 8 or 4";
        }
        if (options is { QuantizationBits: not null, Adapter: not null })
        {
            yield return $"{bits} and {OptionName.Of(nameof(TextModelOptions.Adapter))} do not go together: an adapter is merged into " +
                "weights that are not quantized. Merge it into a model folder before";
        }
    }
}
