using Skipwise.Inference;
using Skipwise.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Skipwise.Evaluation.Scoring;

/// <summary>Scores given answers to prompts. Prompts are prefilled once; the answers then take one forward, padded on the right (causal
/// attention does not reach the padding).</summary>
internal static class AnswerScorer
{
    // B batch, A tokens of the longest answer, C hidden, V vocabulary

    /// <summary>Scores one answer per prompt.</summary>
    /// <param name="model">the model under evaluation</param>
    /// <param name="prompts">B rows of equal length</param>
    /// <param name="answers">B rows of at least one token; of equal length if the rotation depends on the sequence length</param>
    /// <param name="prefixes">prefills the prompts' common prefix once</param>
    /// <returns>one per row</returns>
    /// <remarks>For scalings that depend on the sequence length, the length is that of the input: all tokens but an answer's
    /// last.</remarks>
    public static AnswerScore[] Score(CausalLM model, IReadOnlyList<int[]> prompts, IReadOnlyList<int[]> answers, PrefixCache prefixes,
        CancellationToken cancel = default)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        int batch = prompts.Count, promptLength = prompts[0].Length, longest = answers.Max(answer => answer.Length), inputs = longest - 1,
            length = promptLength + inputs;
        (IKvCache cache, Tensor last) = prefixes.Fill(prompts, length, cancel: cancel);
        Tensor states = empty([batch, longest, model.Config.HiddenSize], model.Dtype, model.Device); // [B, A, C]
        states.select(1, 0).copy_(last);
        if (inputs > 0)
        {
            // [B, A - 1]
            Tensor ids =
                TokenTensor.Create(model,
                    [.. answers.Select(answer => (int[])[.. answer.AsSpan(0, answer.Length - 1), .. new int[longest - answer.Length]])]);
            Prefill.Run(model, ids, cache.NextPositions(inputs), cache, length, chunk: null,
                (offset, hidden) => states.narrow(1, 1 + offset, hidden.size(1)).copy_(hidden), cancel);
        }
        int[][] places = [.. answers.Select((answer, row) => Enumerable.Range(row * longest, answer.Length).ToArray())];
        Tensor scored = states.view(-1, model.Config.HiddenSize)
            .index_select(0, tensor(places.SelectMany(own => own).ToArray(), device: model.Device));
        (float[] losses, bool[] best) = Scorer.ScoreTargets(model, scored, [.. answers.SelectMany(answer => answer)]);
        int start = 0;
        return [.. answers.Select(answer => start..(start += answer.Length))
            .Select(own => new AnswerScore(best[own], [.. losses[own].Select(loss => -(double)loss)]))];
    }
}
