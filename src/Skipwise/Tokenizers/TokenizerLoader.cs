using Skipwise.Hub;
using Skipwise.Storage.Gguf;
using Skipwise.Tokenizers.Formats;

namespace Skipwise.Tokenizers;

/// <summary>Finds and loads the tokenizer of a Hugging Face model folder.</summary>
/// <example>
/// <code>
/// ITokenizer tokenizer = TokenizerLoader.Load("llama-2-7b");
/// int[] ids = tokenizer.Encode("Once upon a time");
/// string text = tokenizer.Decode(ids);
/// </code>
/// </example>
public static class TokenizerLoader
{
    /// <summary>
    /// Loads tokenizer.json, else tokenizer.model (SentencePiece, or Meta's tiktoken ranks), vocab.json with merges.txt, or a .tiktoken
    /// file. BOS, EOS and further tokens come from tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json and
    /// generation_config.json in the same folder. A llama2.c checkpoint, given by its file or folder, has its tokenizer.bin (tok*.bin) in
    /// the same folder. A GGUF file has its tokenizer in itself.
    /// </summary>
    /// <exception cref="SkipwiseException">no tokenizer, a broken file, or an unsupported kind of tokenizer</exception>
    public static ITokenizer Load(string model) => OutOfMemory.Naming<ITokenizer>(model, () => Read(model));

    private static BpeTokenizer Read(string model)
    {
        model = ModelFolder.Resolve(model);
        if (GgufStart.IsAt(model))
        {
            return TokenizerJson.Load(model, GgufVocabulary.Files(GgufKeys.Read(model)));
        }
        string modelFolder = File.Exists(model) ? Path.GetDirectoryName(Path.GetFullPath(model))! : model;
        if (!Directory.Exists(modelFolder))
        {
            throw new SkipwiseException(
                $"{modelFolder}: no such folder; expected a model folder with tokenizer.json or tokenizer.model, or a GGUF file");
        }
        string json = Path.Combine(modelFolder, "tokenizer.json");
        string sentencePiece = Path.Combine(modelFolder, "tokenizer.model");
        if (File.Exists(json))
        {
            return TokenizerJson.Load(json, new TokenizerSettings(modelFolder));
        }
        if (File.Exists(sentencePiece))
        {
            return TiktokenRanks.IsIn(sentencePiece)
                ? TiktokenRanks.Load(sentencePiece, new TokenizerSettings(modelFolder))
                : SentencePieceModel.Load(sentencePiece, new TokenizerSettings(modelFolder));
        }
        if (VocabularyAndMerges.IsIn(modelFolder))
        {
            return VocabularyAndMerges.Load(modelFolder, new TokenizerSettings(modelFolder));
        }
        if (Directory.GetFiles(modelFolder, "*.tiktoken") is [var ranks])
        {
            return TiktokenRanks.Load(ranks, new TokenizerSettings(modelFolder));
        }
        if (Llama2cTokenizer.Find(modelFolder) is { } llama2c)
        {
            return Llama2cTokenizer.Load(llama2c, new TokenizerSettings(modelFolder));
        }
        throw new SkipwiseException(
            $"{modelFolder}: has no tokenizer.json, no tokenizer.model, no {VocabularyAndMerges.VocabularyName} with " +
            $"{VocabularyAndMerges.MergesName} and no single .tiktoken file; copy the model's tokenizer files there");
    }
}
