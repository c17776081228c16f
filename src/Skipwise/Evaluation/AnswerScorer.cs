using Skipwise.Generation;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Evaluation;

/// <summary>Scores given answers to long prompts: the prompt is read once, the answer's few tokens then cost one forward.</summary>
internal static class AnswerScorer
{
    // B batch, A answer tokens, C hidden, V vocabulary

    /// <param name="prompts">B rows of equal length</param>
    /// <param name="answers">B rows of equal length, at least one token</param>
    /// <param name="prefixes">reads what the prompts begin with in common once</param>
    /// <returns>one per row</returns>
    public static AnswerScore[] Score(CausalLM model, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> answers, PrefixReader prefixes, CancellationToken cancel = default)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        int batch = prompts.Count, promptLength = prompts[0].Length, answerLength = answers[0].Length, length = promptLength + answerLength;
        (KvCache cache, Tensor last) = prefixes.Read(prompts, length, cancel: cancel);
        Tensor states = last.unsqueeze(1); // [B, 1, C]
        Tensor ids = TokenTensor.From(model, answers); // [B, A]
        if (answerLength > 1)
        {
            int inputs = answerLength - 1;
            using Rotary rotary = model.RotaryFor(Prefill.Positions(promptLength, inputs, model.Device), length);
            states = cat([states, model.Hidden(ids.narrow(1, 0, inputs), rotary, cache)], 1); // [B, A, C]
        }
        Tensor logProbs = model.Logits(states).to(ScalarType.Float32).log_softmax(-1); // [B, A, V]
        float[] values = logProbs.gather(-1, ids.unsqueeze(-1)).cpu().data<float>().ToArray();
        bool[] best = logProbs.argmax(-1).eq(ids).cpu().data<bool>().ToArray();
        return [.. Enumerable.Range(0, batch).Select(row => new AnswerScore(
            best[(row * answerLength)..((row + 1) * answerLength)],
            [.. values.Skip(row * answerLength).Take(answerLength).Select(value => (double)value)]))];
    }
}
