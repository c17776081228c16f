using Skipwise.Documents;
using Skipwise.Models;
using Skipwise.Tokenizers;
using Skipwise.TokenStores;

namespace Skipwise.Evaluation.Perplexity;

/// <summary>Prepares text for the perplexity evaluation.</summary>
internal static class PerplexityTexts
{
    /// <summary>The token that every window begins with.</summary>
    /// <exception cref="SkipwiseException">neither tokenizer nor configuration defines one</exception>
    public static int BosId(ITokenizer tokenizer, DecoderConfig model) =>
        tokenizer.BosId ?? model.BosTokenId ?? tokenizer.EosId ?? model.EosTokenId ?? throw new SkipwiseException(
            "Neither the tokenizer nor config.json names a BOS or EOS token, and every window begins with one. "
            + "Add bos_token_id to the model's config.json.");

    /// <summary>
    /// Tokenizes as many documents as the evaluation uses, and one more after <see cref="PerplexityOptions.MaxTotalTokens"/> is reached: it
    /// shows that text was left out.
    /// </summary>
    public static TokenList Read(
        IEnumerable<Document> documents, ITokenizer tokenizer, PerplexityOptions perplexity, CancellationToken cancel)
    {
        var tokens = new List<int[]>();
        int shortest = PerplexityPlan.MinDocumentTokens(perplexity), longEnough = 0;
        long room = PerplexityPlan.TotalTokens(perplexity);
        foreach (Document document in documents)
        {
            cancel.ThrowIfCancellationRequested();
            tokens.Add(tokenizer.Encode(document.Text));
            if (tokens[^1].Length < shortest)
            {
                continue;
            }
            longEnough++;
            bool isFull = room <= 0;
            room -= PerplexityPlan.Cut(tokens[^1].Length, perplexity);
            if (longEnough == perplexity.MaxDocuments || isFull)
            {
                break;
            }
        }
        return new TokenList(tokens);
    }
}
