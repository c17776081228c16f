namespace Skipwise.Text;

/// <summary>Finds and loads the tokenizer of a Hugging Face model folder.</summary>
public static class Tokenizers
{
    /// <summary>
    /// Loads tokenizer.json, or tokenizer.model (SentencePiece) where there is none. BOS, EOS and further tokens come from
    /// tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json and generation_config.json beside it.
    /// </summary>
    /// <exception cref="SkipwiseException">no tokenizer, a broken file, or a kind of tokenizer that Skipwise does not read</exception>
    public static ITokenizer Load(string modelFolder)
    {
        if (!Directory.Exists(modelFolder))
        {
            throw new SkipwiseException($"{modelFolder}: no such folder; expected a model folder with tokenizer.json or tokenizer.model");
        }
        string json = Path.Combine(modelFolder, "tokenizer.json");
        string sentencePiece = Path.Combine(modelFolder, "tokenizer.model");
        if (File.Exists(json))
        {
            return TokenizerJson.Load(json, new TokenizerSettings(modelFolder));
        }
        if (File.Exists(sentencePiece))
        {
            return SentencePieceModel.Load(sentencePiece, new TokenizerSettings(modelFolder));
        }
        throw new SkipwiseException($"{modelFolder}: has neither tokenizer.json nor tokenizer.model; copy the model's tokenizer file there");
    }
}
