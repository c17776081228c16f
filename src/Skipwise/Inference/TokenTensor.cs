using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Converts token ids of equally long texts to the model's input.</summary>
internal static class TokenTensor
{
    /// <summary>Creates the input tensor.</summary>
    /// <returns>int64 [B, T] on the model's device</returns>
    /// <exception cref="SkipwiseException">an id is outside the model's vocabulary; libtorch would read beyond the embedding, or
    /// crash</exception>
    public static Tensor Create(CausalLM model, IReadOnlyList<int[]> rows)
    {
        int tokens = rows[0].Length;
        if ((long)rows.Count * tokens > Array.MaxLength)
        {
            throw new SkipwiseException(
                $"A batch of {rows.Count} texts of {tokens} tokens is more than one forward holds. Lower the batch size.");
        }
        var ids = new long[rows.Count * tokens];
        for (int row = 0; row < rows.Count; row++)
        {
            RequireInVocabulary(model, rows[row]);
            for (int t = 0; t < tokens; t++)
            {
                ids[row * tokens + t] = rows[row][t];
            }
        }
        return tensor(ids, [rows.Count, tokens], dtype: ScalarType.Int64, device: model.Device);
    }

    /// <summary>Requires ids that the model's embedding has.</summary>
    /// <exception cref="SkipwiseException">an id is outside the model's vocabulary</exception>
    public static void RequireInVocabulary(CausalLM model, IReadOnlyList<int> text)
    {
        for (int t = 0; t < text.Count; t++)
        {
            if ((uint)text[t] >= (uint)model.Config.VocabSize)
            {
                throw new SkipwiseException(
                    $"Token {t} of the text has id {text[t]}, but the model's vocabulary has {model.Config.VocabSize} ids: " +
                    "the tokenizer does not belong to this model. Use the tokenizer from the model's own folder.");
            }
        }
    }
}
