using Skipwise.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Inference;

/// <summary>Log probabilities of tokens.</summary>
internal static class TokenScores
{
    // N places, V vocabulary

    /// <param name="logits">float32 [N, V]</param>
    /// <param name="ids">the token at each of N places</param>
    /// <param name="top">number of most probable tokens</param>
    public static TokenScore[] Of(Tensor logits, ReadOnlySpan<int> ids, int top)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        int count = (int)Math.Min(top, logits.size(-1));
        Tensor all = logits.log_softmax(-1);
        Tensor places = HostToDevice.Copy(tensor(Array.ConvertAll(ids.ToArray(), id => (long)id)), logits.device).unsqueeze(-1);
        float[] own = all.gather(-1, places).cpu().data<float>().ToArray();
        (Tensor values, Tensor indices) = all.topk(Math.Max(count, 1), -1);
        (float[] best, long[] bestIds) = (values.cpu().data<float>().ToArray(), indices.cpu().data<long>().ToArray());
        var scores = new TokenScore[ids.Length];
        int kept = Math.Max(count, 1);
        for (int i = 0; i < ids.Length; i++)
        {
            scores[i] = new TokenScore(ids[i], own[i],
            [
                .. Enumerable.Range(i * kept, count).Select(at => ((int)bestIds[at], best[at]))
                    .OrderByDescending(token => token.Item2).ThenBy(token => token.Item1),
            ]);
        }
        return scores;
    }
}
