using Skipwise.Checkpoints.HuggingFace;
using Skipwise.Data;
using Skipwise.Documents;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Recipes;

/// <summary>Text to be tokenized once, for several runs.</summary>
public sealed record PrepareDatasetOptions
{
    /// <summary>Hugging Face folder whose tokenizer is used, or a GGUF file; its weights are not read</summary>
    [PathName]
    public required string Model { get; init; }
    /// <summary>the text</summary>
    public required DataOptions Data { get; init; }
    /// <summary>token store to write; its name ends in .tokens</summary>
    [PathName]
    public required string Out { get; init; }
}

/// <summary>Turns text into a token store that <c>train</c> and <c>eval perplexity</c> read in place of the text.</summary>
public static class PrepareDataset
{
    /// <returns>the totals</returns>
    /// <exception cref="SkipwiseException">
    /// a tokenizer or text that cannot be read, no text at all, a token outside the model's vocabulary, or a full disk; nothing is then
    /// written
    /// </exception>
    /// <example>
    /// <code>
    /// PrepareDataset.Run(new() { Model = "llama-2-7b", Data = new() { Paths = ["books"] }, Out = "books.tokens" });
    /// </code>
    /// </example>
    public static TokenizationProgress Run(PrepareDatasetOptions options, IProgress<TokenizationProgress>? progress = null,
        CancellationToken cancel = default)
    {
        OptionCheck.Require("Preparing", options);
        if (!options.Out.EndsWith(TrainingData.StoreExtension, StringComparison.Ordinal))
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(PrepareDatasetOptions.Out))} {options.Out}: a token store is known by its ending. Call it " +
                $"{Path.GetFileName(options.Out) + TrainingData.StoreExtension}.");
        }
        if (Path.GetDirectoryName(Path.GetFullPath(options.Out)) is { } folder && !Directory.Exists(folder))
        {
            throw new SkipwiseException(
                $"{OptionName.Of(nameof(PrepareDatasetOptions.Out))} {options.Out}: there is no folder {folder}. Make it first.");
        }
        ITokenizer tokenizer = TokenizerLoader.Load(options.Model);
        if (HfConfig.IsAt(options.Model))
        {
            tokenizer = BoundedTokenizer.Create(tokenizer, HfConfig.ForModel(options.Model).Model.VocabSize);
        }
        return Tokenization.Write(options.Data.Read(), tokenizer, options.Out, progress, cancel);
    }
}
